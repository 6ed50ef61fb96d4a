"""Who may do what: one table of permissions by role, and the questions asked of it."""

from collections.abc import Collection

from django.utils.translation import gettext_lazy as _

from duban.access.models import Person, Role
from duban.core.errors import NotAllowed
from duban.places.codes import covers

PERMISSIONS: dict[str, frozenset[Role]] = {
    "entry.see": frozenset({Role.INSPECTOR, Role.SUPERVISOR, Role.PUBLISHER, Role.LEADER, Role.ADMINISTRATOR}),
    "entry.see_own": frozenset({Role.HANDLER}),
    "entry.record": frozenset({Role.INSPECTOR, Role.SUPERVISOR}),
    "entry.report": frozenset({Role.INSPECTOR, Role.SUPERVISOR, Role.HEALTH_OFFICER, Role.COMMUNITY_WORKER}),
    "entry.triage": frozenset({Role.SUPERVISOR}),
    "entry.handle": frozenset({Role.HANDLER}),
    "entry.look_back": frozenset({Role.INSPECTOR, Role.SUPERVISOR}),
    "entry.be_told": frozenset({Role.LEADER}),
    "entry.redate": frozenset({Role.ADMINISTRATOR}),
    "entry.pick": frozenset({Role.COMMUNITY_WORKER, Role.SUPERVISOR, Role.LEADER}),
    "venue.see": frozenset(
        {Role.INSPECTOR, Role.HANDLER, Role.SUPERVISOR, Role.PUBLISHER, Role.LEADER, Role.ADMINISTRATOR}
    ),
    "venue.edit": frozenset({Role.INSPECTOR, Role.SUPERVISOR}),
    "venue.contact": frozenset({Role.INSPECTOR, Role.SUPERVISOR}),
    "venue.types": frozenset({Role.ADMINISTRATOR}),
    "checklist.see": frozenset({Role.INSPECTOR, Role.HANDLER, Role.SUPERVISOR, Role.LEADER, Role.ADMINISTRATOR}),
    "checklist.edit": frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR}),
    "visit.see": frozenset({Role.INSPECTOR, Role.HANDLER, Role.SUPERVISOR, Role.LEADER}),
    "visit.make": frozenset({Role.INSPECTOR, Role.SUPERVISOR}),
    "round.manage": frozenset({Role.SUPERVISOR}),
    "exposure.see": frozenset({Role.SUPERVISOR, Role.PUBLISHER, Role.LEADER}),
    "exposure.propose": frozenset({Role.SUPERVISOR}),
    "exposure.decide": frozenset({Role.SUPERVISOR, Role.PUBLISHER}),
    "area.declare": frozenset({Role.HEALTH_OFFICER}),
    "screening.run": frozenset({Role.HEALTH_OFFICER}),
    "screening.count": frozenset({Role.HEALTH_OFFICER, Role.SUPERVISOR, Role.LEADER}),
    "identity.open": frozenset({Role.HEALTH_OFFICER}),
    "file.see": frozenset({Role.HEALTH_OFFICER, Role.COMMUNITY_WORKER}),
    "file.edit": frozenset({Role.HEALTH_OFFICER}),
    "file.open": frozenset({Role.HEALTH_OFFICER}),
    "file.contact": frozenset({Role.HEALTH_OFFICER, Role.COMMUNITY_WORKER}),
    "file.release": frozenset({Role.HEALTH_OFFICER}),
    "file.export": frozenset({Role.HEALTH_OFFICER}),
    "act.do": frozenset({Role.HEALTH_OFFICER, Role.COMMUNITY_WORKER}),
    "measure.rules": frozenset({Role.HEALTH_OFFICER, Role.ADMINISTRATOR}),
    "site.see": frozenset({Role.HEALTH_OFFICER, Role.COMMUNITY_WORKER, Role.LEADER}),
    "site.manage": frozenset({Role.HEALTH_OFFICER}),
    "sample.take": frozenset({Role.HEALTH_OFFICER, Role.COMMUNITY_WORKER}),
    "sample.manage": frozenset({Role.HEALTH_OFFICER}),
    "sampling.see": frozenset({Role.HEALTH_OFFICER, Role.SUPERVISOR, Role.LEADER}),
    "sampling.plan": frozenset({Role.HEALTH_OFFICER}),
    "funnel.see": frozenset({Role.HEALTH_OFFICER, Role.SUPERVISOR, Role.LEADER}),
    "look.review": frozenset({Role.LEADER}),
    "deletion.see": frozenset({Role.HEALTH_OFFICER, Role.LEADER, Role.ADMINISTRATOR}),
    "deletion.run": frozenset({Role.ADMINISTRATOR}),
    "organisation.see": frozenset({Role.COMMUNITY_WORKER, Role.SUPERVISOR, Role.LEADER, Role.ADMINISTRATOR}),
    "organisation.edit": frozenset({Role.COMMUNITY_WORKER}),
    "organisation.review": frozenset({Role.COMMUNITY_WORKER}),
    "roster.see": frozenset({Role.COMMUNITY_WORKER}),
    "topic.see": frozenset({Role.COMMUNITY_WORKER, Role.SUPERVISOR, Role.LEADER}),
    "topic.manage": frozenset({Role.COMMUNITY_WORKER}),
    "vote.manage": frozenset({Role.COMMUNITY_WORKER}),
    "need.see": frozenset({Role.COMMUNITY_WORKER, Role.SUPERVISOR, Role.LEADER}),
    "need.manage": frozenset({Role.COMMUNITY_WORKER}),
    "activity.see": frozenset({Role.COMMUNITY_WORKER, Role.SUPERVISOR, Role.LEADER}),
    "activity.manage": frozenset({Role.COMMUNITY_WORKER}),
    "decision.see": frozenset({Role.COMMUNITY_WORKER, Role.SUPERVISOR, Role.HEALTH_OFFICER, Role.LEADER}),
    "decision.be_told": frozenset({Role.LEADER}),
    "decision.see_led": frozenset({Role.HANDLER}),
    "decision.record": frozenset({Role.COMMUNITY_WORKER, Role.SUPERVISOR}),
    "minutes.approve": frozenset({Role.COMMUNITY_WORKER, Role.SUPERVISOR, Role.LEADER}),
    "bulletin.see": frozenset({Role.SUPERVISOR, Role.PUBLISHER, Role.LEADER}),
    "bulletin.draft": frozenset({Role.SUPERVISOR}),
    "bulletin.approve": frozenset({Role.SUPERVISOR, Role.PUBLISHER}),
    "bulletin.publish": frozenset({Role.SUPERVISOR}),
    "figures.see": frozenset({Role.SUPERVISOR, Role.LEADER, Role.ADMINISTRATOR, Role.PUBLISHER}),
    "figures.weigh": frozenset({Role.ADMINISTRATOR}),
    "leader.see": frozenset({Role.LEADER, Role.SUPERVISOR}),
    "people.manage": frozenset({Role.ADMINISTRATOR}),
}


def grants(person: Person, permission: str, *, apart_from: Collection[str] = ()) -> list[tuple[str, str]]:
    """(code, kind) of each role of `person` that grants `permission`; kind "" reaches entries of every kind.

    Rights that one of the user names `apart_from` lends do not count: nobody judges their own work through another.
    """
    if not person.is_active:
        return []
    granted = PERMISSIONS[permission]
    held = person.roles_with_giver
    return list(
        dict.fromkeys(
            (code, kind) for role, code, kind, giver in held if role in granted and not (giver and giver in apart_from)
        )
    )


def codes(person: Person, permission: str) -> list[str]:
    """The administrative codes at which `person` holds a role that grants `permission`, for whatever kind of entries.

    Empty means nowhere.
    """
    return [code for code, _kind in grants(person, permission)]


def may(person: Person, permission: str, code: str, kind: str = "", *, apart_from: Collection[str] = ()) -> bool:
    """Whether `person` may do this at `code`, and with entries of that kind if one is given."""
    held = grants(person, permission, apart_from=apart_from)
    return covers((at for at, of in held if not kind or of in ("", kind)), code)


def require(person: Person, permission: str, code: str, kind: str = "", *, apart_from: Collection[str] = ()) -> None:
    """Raises NotAllowed (`not_allowed`) unless `person` may do this at `code`, and with that kind of entries."""
    if not may(person, permission, code, kind, apart_from=apart_from):
        raise NotAllowed(
            "not_allowed",
            _("%(person)s holds no role at %(code)s that allows this (%(permission)s).")
            % {"person": person, "code": code or "–", "permission": permission},
        )
