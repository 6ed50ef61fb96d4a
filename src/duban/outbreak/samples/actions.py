"""What other topics call of samples: each is one write, checked, in one transaction, on the record."""

from duban.outbreak.samples.appointments import book_appointments, cancel_appointment
from duban.outbreak.samples.collecting import add_swab, open_tube, remove_swab, seal_tube, void_tube
from duban.outbreak.samples.confirming import confirm_sample, sample_again
from duban.outbreak.samples.importing import check_results, import_results
from duban.outbreak.samples.labels import issue_labels
from duban.outbreak.samples.points import close_point, save_point
from duban.outbreak.samples.results import record_result

__all__ = [
    "add_swab",
    "book_appointments",
    "cancel_appointment",
    "check_results",
    "close_point",
    "confirm_sample",
    "import_results",
    "issue_labels",
    "open_tube",
    "record_result",
    "remove_swab",
    "sample_again",
    "save_point",
    "seal_tube",
    "void_tube",
]
