import django.db.models.deletion
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("blog", "0001_initial"),
        ("taggit", "0006_rename_taggeditem_content_type_object_id_taggit_tagg_content_8fc721_idx"),
    ]

    operations = [
        migrations.AlterField(
            model_name="article",
            name="author",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="articles",
                to="blog.author",
                verbose_name="author",
            ),
        ),
        migrations.AlterField(
            model_name="article",
            name="category",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="articles",
                to="blog.category",
                verbose_name="category",
            ),
        ),
        migrations.AlterField(
            model_name="article",
            name="translation_key",
            field=models.UUIDField(
                default=uuid.uuid4, editable=False, verbose_name="translation key"
            ),
        ),
        migrations.AlterField(
            model_name="taggedarticle",
            name="content_object",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="tagged",
                to="blog.article",
                verbose_name="article",
            ),
        ),
        migrations.AddIndex(
            model_name="article",
            index=models.Index(fields=["language", "published_at", "id"], name="article_in_list"),
        ),
        migrations.AddIndex(
            model_name="article",
            index=models.Index(
                fields=["category", "language", "published_at", "id"],
                name="article_in_category_list",
            ),
        ),
        migrations.AddIndex(
            model_name="article",
            index=models.Index(
                fields=["author", "language", "published_at", "id"], name="article_in_author_list"
            ),
        ),
        migrations.AddIndex(
            model_name="taggedarticle",
            index=models.Index(fields=["content_object", "tag"], name="article_has_tag"),
        ),
    ]
