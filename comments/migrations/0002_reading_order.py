import django.db.models.functions.comparison
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("blog", "0001_initial"),
        ("comments", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="comment",
            name="comment_on_page",
        ),
        migrations.AddIndex(
            model_name="comment",
            index=models.Index(
                models.F("article"),
                models.Func(
                    django.db.models.functions.comparison.Coalesce("thread_id", "id"),
                    "id",
                    arg_joiner=" * 2147483648 + ",
                    output_field=models.BigIntegerField(),
                    template="(%(expressions)s)",
                ),
                condition=models.Q(("status", "approved")),
                name="comment_in_reading_order",
            ),
        ),
    ]
