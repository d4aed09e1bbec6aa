"""Domains, projects and role grants of a running cloud as stack-file entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from components.access import RoleGrantSpec
from components.identity import ALWAYS_THERE
from operations.adopt.entry import Entry, Found, LeftOut, MissingId, Wanted, grant_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openstack.identity.v3.domain import Domain
    from openstack.identity.v3.project import Project
    from openstack.identity.v3.role_assignment import RoleAssignment

    from operations.adopt.live import Live

OPENSTACKS_OWN_PROJECTS = ("admin", "service", "services")  # of Default, as Kolla and devstack name them
OPENSTACKS_OWN_DOMAINS = ("heat", "heat_user_domain", "magnum")  # where Heat and Magnum keep their own users
_OWN = "it is OpenStack's own; it stays as it is"


def domains(live: Live, wanted: Wanted) -> Iterator[Found]:
    """The domains, but for Default and those that the stack file only names."""
    declared = {spec.name.casefold(): index for index, spec in enumerate(wanted.settings.domains)}
    named = {name.casefold() for name in (ALWAYS_THERE, *wanted.settings.existing_domains)}
    for domain in live.domains:
        title = f"domain {domain.name!r}"
        if domain.name.casefold() in named or not wanted.named(domain.name) or domain.id in wanted.managed:
            continue
        if domain.name.casefold() in declared:
            yield MissingId(("domains", declared[domain.name.casefold()]), title, domain.id)
        elif domain.name in OPENSTACKS_OWN_DOMAINS:
            yield LeftOut(title, _OWN)
        elif reason := _what_the_stack_file_cannot_say(domain):
            yield LeftOut(title, reason)
        else:
            values = {"name": domain.name, "adopt": domain.id, "description": domain.description or ""}
            yield Entry("domains", title, values)


def projects(live: Live, wanted: Wanted) -> Iterator[Found]:
    """The projects, each with the name of its domain."""
    declared = {spec.qualified_name.casefold(): index for index, spec in enumerate(wanted.settings.projects)}
    for project in live.projects:
        domain = live.domain_names.get(project.domain_id)
        if domain is None or not wanted.named(project.name) or project.id in wanted.managed:
            continue  # a domain is listed by Keystone among the projects too, with no domain of its own
        title = f"project '{project.name}@{domain}'"
        qualified_name = f"{project.name}@{domain}".casefold()
        if qualified_name in declared:
            yield MissingId(("projects", declared[qualified_name]), title, project.id)
        elif domain == ALWAYS_THERE and project.name in OPENSTACKS_OWN_PROJECTS:
            yield LeftOut(title, _OWN)
        elif project.parent_id not in {None, project.domain_id}:
            yield LeftOut(title, "it is inside another project, and the stack file knows no project trees")
        elif reason := _what_the_stack_file_cannot_say(project):
            yield LeftOut(title, reason)
        else:
            values = {"name": project.name, "adopt": project.id, "domain": domain}
            yield Entry("projects", title, {**values, "description": project.description or ""})


def _what_the_stack_file_cannot_say(live: Domain | Project) -> str:
    if not live.is_enabled:
        return "it is disabled, and the stack file would enable it"
    if tags := getattr(live, "tags", None):
        return f"it has tags ({', '.join(tags)}), which the stack file does not know and Pulumi would remove"
    return ""


def accounts(live: Live, wanted: Wanted) -> Iterator[Found]:
    """The accounts of Default, without OpenStack's own: those with a role on one of its own projects."""
    declared = {spec.qualified_name.casefold(): index for index, spec in enumerate(wanted.settings.accounts)}
    own = {
        (assignment.user or {}).get("id")
        for assignment in live.assignments
        if (project := (assignment.scope or {}).get("project"))
        and project["name"] in OPENSTACKS_OWN_PROJECTS
        and project["domain"]["name"] == ALWAYS_THERE
    }
    for user in live.users:
        name = f"{user.name}@{ALWAYS_THERE}"
        if not wanted.named(user.name) or user.id in wanted.managed:
            continue
        if name.casefold() in declared:
            yield MissingId(("accounts", declared[name.casefold()]), f"account {name!r}", user.id)
        elif user.id not in own:
            yield LeftOut(
                f"account {name!r}",
                f"nobody can read its password; to take it over, declare it with adopt: {user.id} and the password "
                "that it has, or a new one",
            )


def grants(live: Live, wanted: Wanted, entries: list[Entry]) -> Iterator[Found]:
    """The role grants on projects and domains that the stack file declares, or would with ENTRIES."""
    declared = {spec.qualified_name: index for index, spec in enumerate(wanted.settings.grants)}
    accounts_of_the_file = {spec.qualified_name.casefold() for spec in wanted.settings.accounts}
    scopes = {spec.qualified_name for spec in wanted.settings.projects}
    scopes |= {spec.name for spec in wanted.settings.domains}
    for entry in entries:
        name, domain = entry.values["name"], entry.values.get("domain")
        scopes.add(f"{name}@{domain}" if entry.section == "projects" else name)
    for assignment in live.assignments:
        values = _grant(assignment)
        if values is None:
            continue
        scope = values["scope"]
        place = f"{scope['project']}@{scope['domain']}" if "project" in scope else scope["domain"]
        asked_for = place in scopes and wanted.named(scope.get("project", scope["domain"]))
        if not asked_for or grant_id(values["adopt"], inherited=values["inherited"]) in wanted.managed:
            continue
        user = values.get("user") or {}
        if f"{user.get('name')}@{user.get('domain')}".casefold() in accounts_of_the_file:
            continue  # its access says all that it may do
        name = RoleGrantSpec.model_validate(values).qualified_name
        title = f"grant {name!r}"
        if name in declared:
            yield MissingId(("grants", declared[name]), title, values["adopt"])
        else:
            yield Entry("grants", title, values)


def _grant(assignment: RoleAssignment) -> dict[str, Any] | None:
    """ASSIGNMENT with every name that Keystone gives; None on the whole system, which nobody adopts unasked."""
    scope: dict[str, Any] = assignment.scope or {}
    project, domain = scope.get("project") or {}, scope.get("domain") or {}
    if not project and not domain:
        return None
    group = assignment.group or {}
    user = assignment.user or {}
    principal = group or user
    ids = (domain.get("id"), project.get("id"), group.get("id"), user.get("id"), assignment.role["id"])
    return {
        "role": assignment.role["name"],
        "group" if group else "user": {"name": principal["name"], "domain": principal["domain"]["name"]},
        "scope": (
            {"project": project["name"], "domain": project["domain"]["name"]}
            if project
            else {"domain": domain["name"]}
        ),
        "inherited": "OS-INHERIT:inherited_to" in scope,
        "adopt": "/".join(part or "" for part in ids),
    }
