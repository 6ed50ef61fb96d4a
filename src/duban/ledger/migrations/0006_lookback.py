import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """The tables of look-back rounds as rounds use them; nothing wrote to those of 0003."""

    dependencies = [
        ("ledger", "0005_million"),
    ]

    operations = [
        migrations.DeleteModel(name="LookbackItem"),
        migrations.DeleteModel(name="LookbackRound"),
        migrations.CreateModel(
            name="LookbackRound",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("number", models.CharField(max_length=24, unique=True)),
                ("name", models.CharField(max_length=80)),
                ("area", models.CharField(max_length=15)),
                (
                    "kind",
                    models.CharField(
                        blank=True,
                        choices=[("event", "event"), ("component", "component")],
                        help_text="of the entries; empty: every kind",
                        max_length=9,
                    ),
                ),
                (
                    "due_on",
                    models.DateField(help_text="the frame: entries whose look-back falls due on this day or before"),
                ),
                ("size", models.PositiveIntegerField(help_text="how many were to be drawn")),
                ("seed", models.CharField(max_length=64)),
                ("engine", models.CharField(help_text="version of the drawing", max_length=20)),
                ("drawn_at", models.DateTimeField()),
                ("drawn_by", models.CharField(max_length=150)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("closed_by", models.CharField(blank=True, max_length=150)),
                ("close_reason", models.TextField(blank=True)),
            ],
            options={
                "ordering": ["-drawn_at", "-number"],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("size__gt", 0)), name="lookback_size_positive")
                ],
            },
        ),
        migrations.CreateModel(
            name="LookbackItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("town", models.CharField(help_text="of the responsible unit", max_length=9)),
                ("again", models.BooleanField(help_text="had recurred or been reopened before")),
                ("drawn", models.BooleanField(help_text="else sampled out")),
                ("open", models.BooleanField(default=True, help_text="its round is not closed")),
                (
                    "result",
                    models.CharField(
                        blank=True, help_text="stands, recurred or not_inspected; empty: to do", max_length=13
                    ),
                ),
                ("seen_at", models.DateTimeField(blank=True, null=True)),
                (
                    "entry",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="ledger.entry"),
                ),
                (
                    "round",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="items", to="ledger.lookbackround"
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "indexes": [models.Index(fields=["round", "drawn", "id"], name="lookback_drawn")],
                "constraints": [
                    models.UniqueConstraint(fields=("round", "entry"), name="drawn_once_a_round"),
                    models.UniqueConstraint(
                        condition=models.Q(("open", True)), fields=("entry",), name="in_one_open_round"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("result__in", ["", "stands", "recurred", "not_inspected"])),
                        name="lookback_result_known",
                    ),
                ],
            },
        ),
    ]
