from django.apps import AppConfig
from django.db.models.signals import post_delete, post_migrate, pre_migrate
from django.utils.translation import gettext_lazy as _


class BlogConfig(AppConfig):
    name = "blog"
    verbose_name = _("Blog")

    def ready(self) -> None:
        from . import cards, index  # they need the models, which were not there before

        # A migration may make a table anew, and what hung on the old one goes with it.
        pre_migrate.connect(index.remove, sender=self)
        post_migrate.connect(index.install, sender=self)
        post_delete.connect(cards.forget, sender=self.get_model("Article"))
