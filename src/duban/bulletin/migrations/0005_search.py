import django.db.models.deletion
from django.db import migrations, models

MAKE = {
    "sqlite": (
        "CREATE VIRTUAL TABLE bulletin_text_grams USING fts5("
        "grams, content='bulletin_issuetext', content_rowid='id', detail='none', columnsize=0)",
        "CREATE TRIGGER bulletin_text_added AFTER INSERT ON bulletin_issuetext BEGIN "
        "INSERT INTO bulletin_text_grams(rowid, grams) VALUES (new.id, new.grams); END",
        "CREATE TRIGGER bulletin_text_gone AFTER DELETE ON bulletin_issuetext BEGIN "
        "INSERT INTO bulletin_text_grams(bulletin_text_grams, rowid, grams) VALUES ('delete', old.id, old.grams); END",
        "CREATE TRIGGER bulletin_text_changed AFTER UPDATE ON bulletin_issuetext BEGIN "
        "INSERT INTO bulletin_text_grams(bulletin_text_grams, rowid, grams) VALUES ('delete', old.id, old.grams); "
        "INSERT INTO bulletin_text_grams(rowid, grams) VALUES (new.id, new.grams); END",
    ),
    "postgresql": (
        "ALTER TABLE bulletin_issuetext ADD COLUMN vector tsvector "
        "GENERATED ALWAYS AS (to_tsvector('simple', grams)) STORED",
        "CREATE INDEX bulletin_text_grams ON bulletin_issuetext USING gin (vector)",
    ),
}
DROP = {
    "sqlite": (
        "DROP TRIGGER bulletin_text_added",
        "DROP TRIGGER bulletin_text_gone",
        "DROP TRIGGER bulletin_text_changed",
        "DROP TABLE bulletin_text_grams",
    ),
    "postgresql": ("DROP INDEX bulletin_text_grams", "ALTER TABLE bulletin_issuetext DROP COLUMN vector"),
}


def make(apps, schema_editor):
    """A later rebuild of bulletin_issuetext on SQLite drops the triggers; it has to make them again."""
    for statement in MAKE[schema_editor.connection.vendor]:
        schema_editor.execute(statement, None)


def drop(apps, schema_editor):
    for statement in DROP[schema_editor.connection.vendor]:
        schema_editor.execute(statement, None)


class Migration(migrations.Migration):
    dependencies = [
        ("bulletin", "0004_pictures"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="issue", name="issue_newest"),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                fields=["-published_at", "-number"], name="issue_newest", condition=models.Q(("state", "published"))
            ),
        ),
        migrations.CreateModel(
            name="IssueText",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("grams", models.TextField()),
                (
                    "issue",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="text", to="bulletin.issue"
                    ),
                ),
            ],
        ),
        migrations.RunPython(make, drop),
    ]
