"""Why a deadline is when it is: a code for programs, a sentence for people, in both languages."""

REASONS: dict[str, tuple[str, str]] = {
    "runs_from_opening": (
        "起点不在工作时间内,从下一次上班时起算",
        "It began outside working time, so the time runs from the next opening.",
    ),
    "holiday_skipped": (
        "期间有放假的工作日(周一至周五),不计算在内",
        "A Monday to Friday within it is a holiday and does not count.",
    ),
    "makeup_day_counted": (
        "期间有调休上班的周末,计算在内",
        "A Saturday or Sunday within it is a make-up workday and counts.",
    ),
    "paused": ("期间有挂起,期限顺延", "It was on hold, so the deadline moved back."),
    "pause_without_effect": (
        "有挂起在期限届满之后或工作时间之外,不影响期限",
        "A hold lies after the deadline or outside the time that counts, and changes nothing.",
    ),
    "held": ("正在挂起,恢复后才有期限", "It is on hold and has no deadline until it is resumed."),
    "year_unknown": (
        "期间有年份没有放假安排,暂按周一至周五上班计算",
        "The calendar of a year within it is not known; Monday to Friday are taken as working days for now.",
    ),
}
