from django.db import migrations, models
from django.db.models.functions import Lower


class Migration(migrations.Migration):
    dependencies = [("comments", "0002_reading_order")]

    operations = [
        migrations.AddIndex(
            model_name="comment",
            index=models.Index(Lower("email"), name="comment_by_person"),
        ),
    ]
