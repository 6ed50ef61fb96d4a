import django.db.models.deletion
from django.db import migrations, models

TABLE, GRAMS = "commons_organisationtext", "commons_organisation_grams"
GONE = f"INSERT INTO {GRAMS}({GRAMS}, rowid, grams) VALUES ('delete', old.id, old.grams); "  # noqa: S608
ADDED = f"INSERT INTO {GRAMS}(rowid, grams) VALUES (new.id, new.grams); "  # noqa: S608
MAKE = {
    "sqlite": (
        f"CREATE VIRTUAL TABLE {GRAMS} USING fts5("
        f"grams, content='{TABLE}', content_rowid='id', detail='none', columnsize=0)",
        f"CREATE TRIGGER {GRAMS}_added AFTER INSERT ON {TABLE} BEGIN {ADDED}END",
        f"CREATE TRIGGER {GRAMS}_gone AFTER DELETE ON {TABLE} BEGIN {GONE}END",
        f"CREATE TRIGGER {GRAMS}_changed AFTER UPDATE ON {TABLE} BEGIN {GONE}{ADDED}END",
    ),
    "postgresql": (
        f"ALTER TABLE {TABLE} ADD COLUMN vector tsvector GENERATED ALWAYS AS (to_tsvector('simple', grams)) STORED",
        f"CREATE INDEX {GRAMS} ON {TABLE} USING gin (vector)",
    ),
}
DROP = {
    "sqlite": (
        f"DROP TRIGGER {GRAMS}_added",
        f"DROP TRIGGER {GRAMS}_gone",
        f"DROP TRIGGER {GRAMS}_changed",
        f"DROP TABLE {GRAMS}",
    ),
    "postgresql": (f"DROP INDEX {GRAMS}", f"ALTER TABLE {TABLE} DROP COLUMN vector"),
}


def make(_apps, schema_editor):
    """A later rebuild of the table on SQLite drops the triggers; it has to make them again."""
    for statement in MAKE[schema_editor.connection.vendor]:
        schema_editor.execute(statement, None)


def drop(_apps, schema_editor):
    for statement in DROP[schema_editor.connection.vendor]:
        schema_editor.execute(statement, None)


class Migration(migrations.Migration):
    dependencies = [
        ("commons", "0010_pledges_forget_their_contact"),
    ]

    operations = [
        migrations.CreateModel(
            name="OrganisationText",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("grams", models.TextField()),
                (
                    "organisation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="text", to="commons.organisation"
                    ),
                ),
            ],
        ),
        migrations.RunPython(make, drop),
    ]
