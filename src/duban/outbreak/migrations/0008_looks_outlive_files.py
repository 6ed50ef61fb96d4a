import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("outbreak", "0007_casefiles_sampled")]

    operations = [
        migrations.AddField(
            model_name="deletion",
            name="scope",
            field=models.JSONField(
                null=True, help_text="codes of the offices whose rows went; null: all, and what is of no office"
            ),
        ),
        migrations.AlterField(
            model_name="deletion",
            name="digest",
            field=models.CharField(blank=True, help_text="SHA-256 over all else of the row", max_length=64),
        ),
        migrations.AddField(
            model_name="look",
            name="number",
            field=models.CharField(default="", help_text="of the file, by value", max_length=30),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="look",
            name="file",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="looks", to="outbreak.casefile"
            ),
        ),
    ]
