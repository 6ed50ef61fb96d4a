import django.db.models.deletion
from django.db import migrations, models

MAKE = {
    "sqlite": (
        "CREATE VIRTUAL TABLE venues_text_grams USING fts5("
        "grams, content='venues_venuetext', content_rowid='id', detail='none', columnsize=0)",
        "CREATE TRIGGER venues_text_added AFTER INSERT ON venues_venuetext BEGIN "
        "INSERT INTO venues_text_grams(rowid, grams) VALUES (new.id, new.grams); END",
        "CREATE TRIGGER venues_text_gone AFTER DELETE ON venues_venuetext BEGIN "
        "INSERT INTO venues_text_grams(venues_text_grams, rowid, grams) VALUES ('delete', old.id, old.grams); END",
        "CREATE TRIGGER venues_text_changed AFTER UPDATE ON venues_venuetext BEGIN "
        "INSERT INTO venues_text_grams(venues_text_grams, rowid, grams) VALUES ('delete', old.id, old.grams); "
        "INSERT INTO venues_text_grams(rowid, grams) VALUES (new.id, new.grams); END",
    ),
    "postgresql": (
        "ALTER TABLE venues_venuetext ADD COLUMN vector tsvector "
        "GENERATED ALWAYS AS (to_tsvector('simple', grams)) STORED",
        "CREATE INDEX venues_text_grams ON venues_venuetext USING gin (vector)",
    ),
}
DROP = {
    "sqlite": (
        "DROP TRIGGER venues_text_added",
        "DROP TRIGGER venues_text_gone",
        "DROP TRIGGER venues_text_changed",
        "DROP TABLE venues_text_grams",
    ),
    "postgresql": ("DROP INDEX venues_text_grams", "ALTER TABLE venues_venuetext DROP COLUMN vector"),
}


def make(apps, schema_editor):
    """A later rebuild of venues_venuetext on SQLite drops the triggers; it has to make them again."""
    for statement in MAKE[schema_editor.connection.vendor]:
        schema_editor.execute(statement, None)


def drop(apps, schema_editor):
    for statement in DROP[schema_editor.connection.vendor]:
        schema_editor.execute(statement, None)


class Migration(migrations.Migration):
    dependencies = [
        ("venues", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="VenueText",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("grams", models.TextField()),
                (
                    "venue",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="text", to="venues.venue"
                    ),
                ),
            ],
        ),
        migrations.RunPython(make, drop),
    ]
