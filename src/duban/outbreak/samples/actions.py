"""What other topics call of samples: each is one write, checked, in one transaction, on the record."""

from duban.outbreak.samples.collecting import add_swab, open_tube, remove_swab, seal_tube, void_tube
from duban.outbreak.samples.importing import check_results, import_results
from duban.outbreak.samples.results import record_result, sample_again

__all__ = [
    "add_swab",
    "check_results",
    "import_results",
    "open_tube",
    "record_result",
    "remove_swab",
    "sample_again",
    "seal_tube",
    "void_tube",
]
