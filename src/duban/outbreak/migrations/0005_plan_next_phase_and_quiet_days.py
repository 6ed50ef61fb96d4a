from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("outbreak", "0004_sampling_point_result_hours")]

    operations = [
        migrations.AddField(
            model_name="measurerule",
            name="quiet_days",
            field=models.PositiveSmallIntegerField(
                default=3, help_text="days before release, each with a report and none with fever or symptoms"
            ),
        ),
        migrations.AddField(
            model_name="plan",
            name="next_on",
            field=models.DateField(help_text="first day of the phase after today's; empty: there is none", null=True),
        ),
        migrations.AlterField(
            model_name="plan",
            name="phases",
            field=models.JSONField(
                help_text="[{measure, first, last, reports, why: {code, ...}}], no gap and no overlap"
            ),
        ),
        migrations.AddIndex(
            model_name="plan",
            index=models.Index(condition=models.Q(("current", True)), fields=["next_on"], name="plans_by_next_phase"),
        ),
    ]
