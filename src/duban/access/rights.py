"""Who may do what: one table of permissions by role, and the two questions asked of it."""

from django.utils.translation import gettext_lazy as _

from duban.access.models import Person, Role
from duban.core.errors import NotAllowed
from duban.places.codes import covers

PERMISSIONS: dict[str, frozenset[Role]] = {
    "entry.see": frozenset({Role.INSPECTOR, Role.SUPERVISOR, Role.PUBLISHER, Role.LEADER, Role.ADMINISTRATOR}),
    "entry.see_own": frozenset({Role.HANDLER}),
    "entry.record": frozenset({Role.INSPECTOR, Role.SUPERVISOR}),
    "entry.triage": frozenset({Role.SUPERVISOR}),
    "entry.handle": frozenset({Role.HANDLER}),
    "bulletin.see": frozenset({Role.SUPERVISOR, Role.PUBLISHER, Role.LEADER}),
    "bulletin.draft": frozenset({Role.SUPERVISOR}),
    "bulletin.approve": frozenset({Role.SUPERVISOR, Role.PUBLISHER}),
    "bulletin.publish": frozenset({Role.SUPERVISOR}),
}


def codes(person: Person, permission: str) -> list[str]:
    """The administrative codes at which `person` holds a role that grants `permission`; empty means nowhere."""
    if not person.is_active:
        return []
    granted = PERMISSIONS[permission]
    return [code for role, code in person.held_roles if role in granted]


def may(person: Person, permission: str, code: str) -> bool:
    """Whether `person` may do this at `code`."""
    return covers(codes(person, permission), code)


def require(person: Person, permission: str, code: str) -> None:
    """Raises NotAllowed (`not_allowed`) unless `person` may do this at `code`."""
    if not may(person, permission, code):
        raise NotAllowed(
            "not_allowed",
            _("%(person)s holds no role at %(code)s that allows this (%(permission)s).")
            % {"person": person, "code": code or "–", "permission": permission},
        )
