from django.apps import AppConfig
from django.db.models.signals import post_delete, post_migrate, post_save, pre_migrate


class PageCacheConfig(AppConfig):
    name = "pagecache"

    def ready(self) -> None:
        from . import export, triggers  # they need the models, which were not there before

        # A migration may make a table anew, and what hung on the old one goes with it.
        pre_migrate.connect(triggers.remove, sender=self)
        post_migrate.connect(triggers.install, sender=self)
        for watched in triggers.WATCHED:
            for signal in (post_save, post_delete):
                signal.connect(export.refresh_after, sender=watched.model)
