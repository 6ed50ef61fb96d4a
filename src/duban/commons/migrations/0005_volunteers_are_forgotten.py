from django.db import migrations, models
from django.db.models import OuterRef, Q, Subquery


def say_where_shifts_are(apps, _editor):
    shifts, activities = apps.get_model("commons", "Shift"), apps.get_model("commons", "Activity")
    where = activities.objects.filter(pk=OuterRef("activity")).values("jurisdiction")
    shifts.objects.update(jurisdiction=Subquery(where))


class Migration(migrations.Migration):
    dependencies = [("commons", "0004_register_lists")]

    operations = [
        migrations.RemoveConstraint(model_name="signup", name="signed_up_once_in_a_shift"),
        migrations.AlterField(
            model_name="signup",
            name="person",
            field=models.CharField(
                blank=True,
                help_text="keyed hash of the phone: once in a shift; empty once it is forgotten",
                max_length=64,
            ),
        ),
        migrations.AlterField(
            model_name="signup",
            name="sealed",
            field=models.BinaryField(help_text="JSON: name, phone; encrypted; null once it is forgotten", null=True),
        ),
        migrations.AddConstraint(
            model_name="signup",
            constraint=models.UniqueConstraint(
                condition=~Q(state="withdrawn") & ~Q(person=""),
                fields=("shift", "person"),
                name="signed_up_once_in_a_shift",
            ),
        ),
        migrations.AddField(
            model_name="shift",
            name="jurisdiction",
            field=models.CharField(default="", help_text="that of the activity, for lists by time", max_length=15),
            preserve_default=False,
        ),
        migrations.RunPython(say_where_shifts_are, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="shift",
            index=models.Index(fields=["jurisdiction", "begins_at"], name="shifts_by_place"),
        ),
    ]
