"""Where somebody is in the guided tour, as their session keeps it. What is shown on the way is the rooms' business."""

from typing import TypedDict

from django.http import HttpRequest

KEPT, LEFT = "tour", "tour_left"


class Place(TypedDict):
    """A step from 1, the address at which it is told, and whether that is in the place of one that the roles do not
    open."""

    step: int
    url: str
    instead: bool


def place_in(request: HttpRequest) -> Place | None:
    """None: not on the tour. Asked of a browser without a session, it makes none."""
    return request.session.get(KEPT)


def go_to(request: HttpRequest, place: Place) -> None:
    request.session[KEPT] = place


def leave(request: HttpRequest) -> None:
    """Off the tour, and no more asked in this session whether one would like to take it."""
    request.session.pop(KEPT, None)
    request.session[LEFT] = True


def is_left(request: HttpRequest) -> bool:
    return LEFT in request.session


def mark_of(request: HttpRequest) -> str:
    """What an answer that a browser keeps differs by: the card at its foot, or none."""
    place = place_in(request)
    return f"-tour{place['step']}" if place else ""
