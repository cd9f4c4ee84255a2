from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CommentsConfig(AppConfig):
    name = "comments"
    verbose_name = _("Comments")

    def ready(self) -> None:
        from blog import index

        from .search import COMMENTS  # it needs the models, which were not there before

        index.add(COMMENTS)
