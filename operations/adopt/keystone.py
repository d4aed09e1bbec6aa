"""Domains, projects and role grants of a running cloud as stack-file entries."""

from collections.abc import Iterator

from openstack.identity.v3.domain import Domain
from openstack.identity.v3.project import Project

from clients.keystone.assignment import Place
from clients.names import folded
from config.errors.issues import KeyPath
from config.grant import RoleGrantSpec
from config.identity import ALWAYS_THERE
from operations.adopt.found import Found, LeftOut, Wanted, grant_id, known_projects
from operations.adopt.live import Live
from operations.stack_file.entry import Entry, MissingId

OPENSTACKS_OWN_PROJECTS = ("admin", "service", "services")  # of Default, as Kolla and devstack name them
OPENSTACKS_OWN_DOMAINS = ("heat", "heat_user_domain", "magnum")  # where Heat and Magnum keep their own users
_OWN = "it is OpenStack's own; it stays as it is"


def domains(live: Live, wanted: Wanted, _entries: list[Entry]) -> Iterator[Found]:
    """The domains, but for Default and those that the stack file only names."""
    declared = {folded(spec.name): index for index, spec in enumerate(wanted.settings.domains)}
    named = {folded(name) for name in (ALWAYS_THERE, *wanted.settings.existing_domains)}
    for domain in live.domains:
        title = f"domain {domain.name!r}"
        if folded(domain.name) in named or not wanted.named(domain.name) or domain.id in wanted.managed:
            continue
        if folded(domain.name) in declared:
            index = declared[folded(domain.name)]
            yield _declared(("domains", index), title, domain, wanted.settings.domains[index].name)
        elif domain.name in OPENSTACKS_OWN_DOMAINS:
            yield LeftOut(title, _OWN)
        elif reason := _what_the_stack_file_cannot_say(domain):
            yield LeftOut(title, reason)
        else:
            values = {"name": domain.name, "adopt": domain.id, "description": domain.description or ""}
            yield Entry("domains", title, values)


def _declared(path: KeyPath, title: str, live: Domain | Project, name: str) -> Found:
    """LIVE, which the stack file declares with NAME, or one that Keystone takes for the same."""
    if live.name == name:
        return MissingId(path, title, live.id)
    reason = (
        f"the stack file declares {name!r}, which Keystone takes for the same name and would refuse to make; rename "
        "one, or write the name as Keystone has it"
    )
    return LeftOut(title, reason, declared=True)


def projects(live: Live, wanted: Wanted, _entries: list[Entry]) -> Iterator[Found]:
    """The projects, each with the name of its domain."""
    declared = {folded(spec.qualified_name): index for index, spec in enumerate(wanted.settings.projects)}
    for project in live.projects:
        domain = live.domain_names.get(project.domain_id)
        if domain is None or not wanted.named(project.name) or project.id in wanted.managed:
            continue  # a domain is listed by Keystone among the projects too, with no domain of its own
        title = f"project '{project.name}@{domain}'"
        qualified_name = folded(f"{project.name}@{domain}")
        if qualified_name in declared:
            index = declared[qualified_name]
            yield _declared(("projects", index), title, project, wanted.settings.projects[index].name)
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


def accounts(live: Live, wanted: Wanted, _entries: list[Entry]) -> Iterator[Found]:
    """The accounts of the stack file in whatever domain, and those of Default that it does not declare."""
    yield from _declared_accounts(live, wanted)
    yield from _undeclared_accounts(live, wanted)


def _declared_accounts(live: Live, wanted: Wanted) -> Iterator[Found]:
    """Asked for by name: a domain's users may be a directory's, and thousands."""
    for index, spec in enumerate(wanted.settings.accounts):
        domain_ids = [id_ for id_, name in live.domain_names.items() if name == spec.domain]
        if not wanted.named(spec.name) or not domain_ids:
            continue
        title = f"account {spec.qualified_name!r}"
        for user in live.users_named(domain_ids[0], spec.name):
            if user.id in wanted.managed:
                continue
            if user.name == spec.name:
                yield MissingId(("accounts", index), title, user.id)
            else:
                yield LeftOut(
                    title,
                    f"Keystone takes {user.name!r} ({user.id}) for the same name and would refuse to make it; rename "
                    "one, or write the name as Keystone has it",
                    declared=True,
                )


def _undeclared_accounts(live: Live, wanted: Wanted) -> Iterator[LeftOut]:
    """Without OpenStack's own: those with a role on one of its own projects."""
    declared = {folded(spec.qualified_name) for spec in wanted.settings.accounts}
    own_projects = {
        project.id
        for project in live.projects
        if project.name in OPENSTACKS_OWN_PROJECTS
        and live.domain_names.get(project.domain_id) == ALWAYS_THERE
    }
    own = {
        (assignment.user or {}).get("id")
        for assignment in live.assignments
        if ((assignment.scope or {}).get("project") or {}).get("id") in own_projects
    }
    for user in live.users:
        name = f"{user.name}@{ALWAYS_THERE}"
        if not wanted.named(user.name) or {user.id} & (wanted.managed | own) or folded(name) in declared:
            continue
        yield LeftOut(
            f"account {name!r}",
            f"nobody can read its password; to take it over, declare it with adopt: {user.id} and the password "
            "that it has, or a new one",
        )


def grants(live: Live, wanted: Wanted, entries: list[Entry]) -> Iterator[Found]:
    """The role grants on projects and domains that the stack file declares, or would with ENTRIES."""
    declared = {spec.qualified_name: index for index, spec in enumerate(wanted.settings.grants)}
    accounts_of_the_file = {folded(spec.qualified_name) for spec in wanted.settings.accounts}
    scopes = known_projects(wanted.settings, entries)
    scopes |= {spec.name for spec in wanted.settings.domains}
    scopes |= {entry.values["name"] for entry in entries if entry.section == "domains"}
    projects_by_id = {project.id: project for project in live.projects}
    for assignment in live.assignments:
        place = Place.of_keystone(assignment.user, assignment.group, assignment.scope)
        project = projects_by_id.get(place.scope_id) if place.scope_kind == "project" else None
        domain_id = project.domain_id if project else place.scope_id if place.scope_kind == "domain" else ""
        domain_name = live.domain_names.get(domain_id)
        if domain_name is None:
            continue  # the whole system, which nobody adopts unasked
        scope = f"{project.name}@{domain_name}" if project else domain_name
        adopt = place.assignment_id(assignment.role["id"])
        selected = scope in scopes and wanted.named(project.name if project else domain_name)
        if not selected or grant_id(adopt, inherited=place.inherited) in wanted.managed:
            continue
        kind, principal_id = place.principal_kind, place.principal_id
        principal = live.principal(kind, principal_id)
        role = next((role.name for role in live.roles if role.id == assignment.role["id"]), None)
        principal_domain = live.domain_names.get(principal.domain_id) if principal else None
        if principal is None or role is None or principal_domain is None:
            yield LeftOut(
                f"grant of a role on {scope!r} to {kind} {principal_id}",
                "Keystone cannot name them; is the directory of its domain there?",
            )
            continue
        if folded(f"{principal.name}@{principal_domain}") in accounts_of_the_file and kind == "user":
            continue  # its access says all that it may do
        values = {
            "role": role,
            kind: {"name": principal.name, "domain": principal_domain},
            "scope": {"project": project.name, "domain": domain_name} if project else {"domain": domain_name},
            "inherited": place.inherited,
            "adopt": adopt,
        }
        name = RoleGrantSpec.model_validate(values).qualified_name
        title = f"grant {name!r}"
        if name in declared:
            yield MissingId(("grants", declared[name]), title, adopt)
        else:
            yield Entry("grants", title, values)
