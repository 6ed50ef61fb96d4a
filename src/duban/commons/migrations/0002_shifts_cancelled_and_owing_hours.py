from django.db import migrations, models
from django.db.models import Count, Exists, F, OuterRef, Q


def say_of_each_shift(apps, _editor):
    shifts, sign_ups = apps.get_model("commons", "Shift"), apps.get_model("commons", "SignUp")
    records = apps.get_model("commons", "Record")
    for shift in shifts.objects.exclude(activity__cancelled_at=None).annotate(off=F("activity__cancelled_at")):
        shifts.objects.filter(pk=shift.pk).update(cancelled_at=shift.off)
    standing = records.objects.filter(sign_up=OuterRef("pk"), revoked_at=None)
    left = sign_ups.objects.filter(~Exists(standing), came_at__isnull=False)
    for row in left.values("shift").annotate(n=Count("pk")).order_by():
        shifts.objects.filter(pk=row["shift"]).update(owed=row["n"])


class Migration(migrations.Migration):
    dependencies = [
        ("commons", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="shift",
            name="cancelled_at",
            field=models.DateTimeField(blank=True, help_text="alone, or with its activity", null=True),
        ),
        migrations.AddField(
            model_name="shift",
            name="owed",
            field=models.PositiveIntegerField(default=0, help_text="how many came whose hours nobody certified"),
        ),
        migrations.RunPython(say_of_each_shift, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="shift",
            index=models.Index(
                condition=Q(("owed__gt", 0)), fields=["begins_at", "id", "jurisdiction"], name="shifts_owing_hours"
            ),
        ),
    ]
