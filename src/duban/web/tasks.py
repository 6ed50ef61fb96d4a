"""Counts of the leader's page, worked off by `duban db_worker`."""

from django_tasks import task

from duban.core import clock
from duban.web.overview import count_again


@task()
def count_area_later(code: str) -> str:
    """Count the area anew; the moment of the count is the result."""
    return count_again(code, now=clock.now()).at.isoformat()
