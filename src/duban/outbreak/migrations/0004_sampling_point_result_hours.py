from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("outbreak", "0003_splits_and_told_numbers")]

    operations = [
        migrations.AddField(
            model_name="samplingpoint",
            name="result_hours",
            field=models.PositiveSmallIntegerField(
                default=24, help_text="after the first swab the result of a tube is due within so many hours"
            ),
        ),
    ]
