import django.db.models.deletion
from django.db import migrations, models
from django.utils import timezone

BREAK = "\n\n"


def take_todays(apps, editor):
    """A translation that is there is taken to say what its original says today."""
    articles = apps.get_model("blog", "Article").objects.order_by("pk")
    versions = apps.get_model("blog", "SourceVersion").objects
    for translation in articles.exclude(origin="original").iterator():
        piece = articles.filter(translation_key=translation.translation_key, origin="original")
        if original := piece.first():
            sections = original.sections.order_by("position").values_list("heading", "body")
            body = BREAK.join(BREAK.join(section) for section in sections)
            words = BREAK.join(
                (
                    *(original.title, original.standfirst, original.section_label),
                    *(body, original.closing_question),
                )
            )
            versions.create(
                translation=translation,
                original=original,
                words=words.replace("\r", ""),
                # Of what is still to appear, readers learn no hour.
                dated=min(
                    max(original.modified_at, original.published_at or original.modified_at),
                    timezone.now(),
                ),
            )


class Migration(migrations.Migration):
    dependencies = [("blog", "0004_picture_renditions")]

    operations = [
        migrations.CreateModel(
            name="SourceVersion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("words", models.TextField(verbose_name="words")),
                ("dated", models.DateTimeField(verbose_name="version of")),
                (
                    "original",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="blog.article",
                        verbose_name="original",
                    ),
                ),
                (
                    "translation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="source",
                        to="blog.article",
                        verbose_name="translation",
                    ),
                ),
            ],
            options={
                "verbose_name": "version of an original",
                "verbose_name_plural": "versions of originals",
            },
        ),
        migrations.RunPython(take_todays, migrations.RunPython.noop),
    ]
