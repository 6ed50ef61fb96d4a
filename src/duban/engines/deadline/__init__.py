"""When something is due: hours or days, by the clock or by the Chinese working calendar.

calendar = Calendar.build({date(2021, 2, 11): False, date(2021, 2, 7): True, ...})
rule = Rule("cn-06012-1", 5, "working_hours", read_workday("08:30-12:00 13:30-17:30"), "Asia/Shanghai")
due(starts, rule, calendar, pauses).due
"""

from .calendar import Calendar
from .due import VERSION, Due, DueDate, due, due_one, elapsed
from .reasons import REASONS
from .rule import UNITS, Rule, read_workday

__all__ = [
    "REASONS",
    "UNITS",
    "VERSION",
    "Calendar",
    "Due",
    "DueDate",
    "Rule",
    "due",
    "due_one",
    "elapsed",
    "read_workday",
]
