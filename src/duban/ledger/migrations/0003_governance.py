import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

GRAMS_SQLITE = (
    "CREATE VIRTUAL TABLE ledger_text_grams USING fts5("
    "grams, content='ledger_entrytext', content_rowid='id', detail='none', columnsize=0)",
    "CREATE TRIGGER ledger_text_added AFTER INSERT ON ledger_entrytext BEGIN "
    "INSERT INTO ledger_text_grams(rowid, grams) VALUES (new.id, new.grams); END",
    "CREATE TRIGGER ledger_text_gone AFTER DELETE ON ledger_entrytext BEGIN "
    "INSERT INTO ledger_text_grams(ledger_text_grams, rowid, grams) VALUES ('delete', old.id, old.grams); END",
    "CREATE TRIGGER ledger_text_changed AFTER UPDATE ON ledger_entrytext BEGIN "
    "INSERT INTO ledger_text_grams(ledger_text_grams, rowid, grams) VALUES ('delete', old.id, old.grams); "
    "INSERT INTO ledger_text_grams(rowid, grams) VALUES (new.id, new.grams); END",
)
GRAMS_POSTGRESQL = ("CREATE INDEX ledger_text_grams ON ledger_entrytext USING gin (to_tsvector('simple', grams))",)


def make_text_index(apps, schema_editor):
    """A later rebuild of ledger_entrytext on SQLite drops the triggers; it has to make them again."""
    statements = {"sqlite": GRAMS_SQLITE, "postgresql": GRAMS_POSTGRESQL}[schema_editor.connection.vendor]
    for statement in statements:
        schema_editor.execute(statement, None)


def drop_text_index(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for name in ("added", "gone", "changed"):
            schema_editor.execute(f"DROP TRIGGER ledger_text_{name}", None)
        schema_editor.execute("DROP TABLE ledger_text_grams", None)
    else:
        schema_editor.execute("DROP INDEX ledger_text_grams", None)


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0002_entry_by_deadline"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CalendarDay",
            fields=[
                ("date", models.DateField(primary_key=True, serialize=False)),
                ("working", models.BooleanField()),
            ],
        ),
        migrations.CreateModel(
            name="DeadlineRule",
            fields=[
                (
                    "rule",
                    models.CharField(
                        help_text="id of this version; never given twice",
                        max_length=40,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        blank=True,
                        choices=[("event", "event"), ("component", "component")],
                        help_text="empty: every kind",
                        max_length=9,
                    ),
                ),
                ("code", models.CharField(blank=True, help_text="of the category; empty: every one", max_length=5)),
                (
                    "area",
                    models.CharField(blank=True, help_text="administrative code; empty: everywhere", max_length=15),
                ),
                ("amount", models.PositiveIntegerField(help_text="time to remedy from dispatch, in `unit`")),
                (
                    "unit",
                    models.CharField(
                        choices=[
                            ("working_hours", "working hours"),
                            ("working_days", "working days"),
                            ("hours", "hours"),
                            ("days", "days"),
                        ],
                        max_length=13,
                    ),
                ),
                (
                    "workday",
                    models.CharField(
                        help_text="opening times of a working day: 08:30-12:00 13:30-17:30", max_length=60
                    ),
                ),
                ("dispatch_hours", models.PositiveIntegerField(help_text="working hours from listing to dispatch")),
                ("verify_hours", models.PositiveIntegerField(help_text="working hours from remedy to verification")),
                ("lookback_days", models.PositiveIntegerField(help_text="days from striking off to the look-back")),
                ("effective_from", models.DateField()),
            ],
            options={
                "ordering": ["kind", "code", "area", "effective_from"],
            },
        ),
        migrations.CreateModel(
            name="EntryText",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("grams", models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name="EvaluationWeight",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("indicator", models.CharField(max_length=30)),
                ("weight", models.DecimalField(decimal_places=2, max_digits=6)),
                ("effective_from", models.DateField()),
            ],
            options={
                "ordering": ["effective_from", "pk"],
            },
        ),
        migrations.CreateModel(
            name="LookbackItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("stratum", models.CharField(max_length=40)),
                (
                    "result",
                    models.CharField(
                        blank=True, help_text="stands, recurred or not_inspected; empty: to do", max_length=13
                    ),
                ),
                ("seen_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="LookbackRound",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=80)),
                ("area", models.CharField(max_length=15)),
                ("drawn_at", models.DateTimeField()),
                ("drawn_by", models.CharField(max_length=150)),
                (
                    "due_before",
                    models.DateTimeField(help_text="the frame: entries whose look-back was due before this"),
                ),
                ("size", models.PositiveIntegerField()),
                ("seed", models.CharField(max_length=64)),
                (
                    "frame",
                    models.JSONField(
                        help_text="[entry number, stratum] of everything that could have been drawn, in order"
                    ),
                ),
                ("engine", models.CharField(help_text="version of the drawing", max_length=20)),
            ],
            options={
                "ordering": ["-drawn_at"],
            },
        ),
        migrations.CreateModel(
            name="Notification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("action", models.CharField(max_length=17)),
                ("at", models.DateTimeField()),
                ("by", models.CharField(max_length=150)),
                ("read_at", models.DateTimeField(blank=True, null=True)),
                ("mailed_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="SavedFilter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=40)),
                ("query", models.CharField(help_text="as in the ledger's address", max_length=600)),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Tally",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("cell", models.BigIntegerField(help_text="quadkey cell of the coarse grid")),
                ("jurisdiction", models.CharField(max_length=15)),
                ("responsible", models.CharField(max_length=15)),
                ("kind", models.CharField(choices=[("event", "event"), ("component", "component")], max_length=9)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("found", "found"),
                            ("listed", "listed"),
                            ("assigned", "assigned"),
                            ("held", "on hold"),
                            ("remedied", "remedied"),
                            ("closed", "closed"),
                            ("merged", "merged"),
                            ("split", "split"),
                            ("void", "void"),
                        ],
                        max_length=8,
                    ),
                ),
                ("n", models.IntegerField()),
                ("folded", models.BooleanField(default=False)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="entry",
            name="entry_state_known",
        ),
        migrations.RemoveField(
            model_name="category",
            name="hours",
        ),
        migrations.AddField(
            model_name="entry",
            name="cycle",
            field=models.PositiveIntegerField(default=1, help_text="1, and one more with each recurrence"),
        ),
        migrations.AddField(
            model_name="entry",
            name="deadline_rule",
            field=models.CharField(blank=True, help_text="version of the rule that due_at follows", max_length=40),
        ),
        migrations.AddField(
            model_name="entry",
            name="dispatch_due_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="entry",
            name="dispatched_at",
            field=models.DateTimeField(blank=True, help_text="first assigned, in this cycle", null=True),
        ),
        migrations.AddField(
            model_name="entry",
            name="due_provisional",
            field=models.BooleanField(default=False, help_text="the deadline runs into a year without a calendar"),
        ),
        migrations.AddField(
            model_name="entry",
            name="escalation",
            field=models.PositiveIntegerField(default=0, help_text="how often it was escalated"),
        ),
        migrations.AddField(
            model_name="entry",
            name="extension_count",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="entry",
            name="extension_until",
            field=models.DateTimeField(blank=True, help_text="the deadline asked for, undecided", null=True),
        ),
        migrations.AddField(
            model_name="entry",
            name="listed_at",
            field=models.DateTimeField(blank=True, help_text="put on the ledger", null=True),
        ),
        migrations.AddField(
            model_name="entry",
            name="lookback",
            field=models.CharField(
                blank=True, choices=[("stands", "stands"), ("not_inspected", "not inspected")], max_length=13
            ),
        ),
        migrations.AddField(
            model_name="entry",
            name="lookback_due_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="entry",
            name="pauses",
            field=models.JSONField(
                default=list, help_text="[from, to] of each hold since runs_from; the open one has no to"
            ),
        ),
        migrations.AddField(
            model_name="entry",
            name="remedied_at",
            field=models.DateTimeField(blank=True, help_text="last remedy submitted, in this cycle", null=True),
        ),
        migrations.AddField(
            model_name="entry",
            name="reopen_count",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="entry",
            name="return_count",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="entry",
            name="runs_from",
            field=models.DateTimeField(blank=True, help_text="when the deadline began to run", null=True),
        ),
        migrations.AddField(
            model_name="entry",
            name="split_from",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="ledger.entry"
            ),
        ),
        migrations.AddField(
            model_name="entry",
            name="verified_at",
            field=models.DateTimeField(blank=True, help_text="last remedy struck off or rejected", null=True),
        ),
        migrations.AddField(
            model_name="entry",
            name="verify_due_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="entry",
            name="state",
            field=models.CharField(
                choices=[
                    ("found", "found"),
                    ("listed", "listed"),
                    ("assigned", "assigned"),
                    ("held", "on hold"),
                    ("remedied", "remedied"),
                    ("closed", "closed"),
                    ("merged", "merged"),
                    ("split", "split"),
                    ("void", "void"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="event",
            name="action",
            field=models.CharField(max_length=17),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(
                condition=models.Q(("state", "closed")), fields=["lookback_due_at"], name="entry_lookback"
            ),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(condition=models.Q(("due_provisional", True)), fields=["id"], name="entry_provisional"),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(
                condition=models.Q(("split_from__isnull", False)), fields=["split_from"], name="entry_parts"
            ),
        ),
        migrations.AddConstraint(
            model_name="entry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        ["found", "listed", "assigned", "held", "remedied", "closed", "merged", "split", "void"],
                    )
                ),
                name="entry_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="deadlinerule",
            constraint=models.UniqueConstraint(
                fields=("kind", "code", "area", "effective_from"), name="one_deadline_rule_from_a_day"
            ),
        ),
        migrations.AddConstraint(
            model_name="deadlinerule",
            constraint=models.CheckConstraint(
                condition=models.Q(("unit__in", ["working_hours", "working_days", "hours", "days"])),
                name="deadline_unit_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="deadlinerule",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="deadline_amount_positive"),
        ),
        migrations.AddField(
            model_name="entrytext",
            name="entry",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="text", to="ledger.entry"
            ),
        ),
        migrations.AddConstraint(
            model_name="evaluationweight",
            constraint=models.UniqueConstraint(fields=("indicator", "effective_from"), name="one_weight_from_a_day"),
        ),
        migrations.AddConstraint(
            model_name="evaluationweight",
            constraint=models.CheckConstraint(condition=models.Q(("weight__gte", 0)), name="weight_not_negative"),
        ),
        migrations.AddField(
            model_name="lookbackitem",
            name="entry",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="ledger.entry"),
        ),
        migrations.AddField(
            model_name="lookbackitem",
            name="round",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="items", to="ledger.lookbackround"
            ),
        ),
        migrations.AddField(
            model_name="notification",
            name="entry",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="ledger.entry"),
        ),
        migrations.AddField(
            model_name="notification",
            name="person",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="savedfilter",
            name="person",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddIndex(
            model_name="tally",
            index=models.Index(condition=models.Q(("folded", False)), fields=["id"], name="tally_loose"),
        ),
        migrations.AddConstraint(
            model_name="lookbackitem",
            constraint=models.UniqueConstraint(fields=("round", "entry"), name="drawn_once_a_round"),
        ),
        migrations.AddConstraint(
            model_name="lookbackitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("result__in", ["", "stands", "recurred", "not_inspected"])),
                name="lookback_result_known",
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(fields=["person", "-at"], name="notification_of_person"),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("read_at__isnull", True)), fields=["person"], name="notification_unread"
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("mailed_at__isnull", True)), fields=["person"], name="notification_unmailed"
            ),
        ),
        migrations.AddConstraint(
            model_name="savedfilter",
            constraint=models.UniqueConstraint(fields=("person", "name"), name="saved_filter_once"),
        ),
        migrations.RunPython(make_text_index, drop_text_index),
    ]
