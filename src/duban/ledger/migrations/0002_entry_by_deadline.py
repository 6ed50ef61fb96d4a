from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]

    operations = [
        migrations.AddIndex("entry", models.Index(fields=["due_at", "id"], name="entry_by_deadline")),
    ]
