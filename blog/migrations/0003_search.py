import django.db.models.deletion
from django.db import migrations, models

# Tokens are compared as they are: whatever is no ASCII is part of a token.
MAKE = {
    "sqlite": [
        "CREATE VIRTUAL TABLE blog_search USING fts5("
        "words, content='blog_searchentry', content_rowid='id', tokenize='ascii', detail='none')"
    ],
    "postgresql": [
        "ALTER TABLE blog_searchentry ADD COLUMN lexemes tsvector"
        " GENERATED ALWAYS AS (array_to_tsvector(string_to_array(words, ' '))) STORED",
        "CREATE INDEX search_entry_lexemes ON blog_searchentry USING gin (lexemes)",
    ],
}
UNMAKE = {
    "sqlite": ["DROP TABLE blog_search"],
    "postgresql": ["ALTER TABLE blog_searchentry DROP COLUMN lexemes"],
}


def make(apps, editor):
    for statement in MAKE[editor.connection.vendor]:
        editor.execute(statement)


def unmake(apps, editor):
    for statement in UNMAKE[editor.connection.vendor]:
        editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("blog", "0002_lists_from_indexes")]

    operations = [
        migrations.CreateModel(
            name="SearchEntry",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("source", models.CharField(max_length=10)),
                ("number", models.BigIntegerField()),
                ("parts", models.JSONField()),
                ("words", models.TextField()),
                (
                    "article",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="blog.article",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("source", "number"), name="search_entry_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="SearchMark",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("source", models.CharField(max_length=10)),
                ("number", models.BigIntegerField()),
            ],
            options={"indexes": [models.Index(fields=["source", "number"], name="search_mark")]},
        ),
        migrations.RunPython(make, unmake),
    ]
