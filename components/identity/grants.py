"""Makes the role grants of a stack file."""

from collections.abc import Sequence
from dataclasses import replace

import pulumi

from components.identity.ids import Ids
from components.identity.lookup import id_of
from components.identity.role_assignments import RoleAssignments
from config.grant import RoleGrantSpec


def make_grants(
    specs: Sequence[RoleGrantSpec],
    *,
    cloud: str,
    ids: Ids,
    opts: pulumi.ResourceOptions,
) -> list[RoleAssignments]:
    """Make the grants of a stack file: one `RoleAssignments` for each user or group and scope, with all roles there.

    Looks up the user or group by name inside its own domain; none is made. A name that the cloud does not know stops
    the run with a sentence. Other roles there are left alone. One that is there already is taken over; while a grant
    has `adopt`, the engine refuses to remove them.
    """
    together: dict[str, list[RoleGrantSpec]] = {}
    for spec in specs:
        together.setdefault(spec.declared.name, []).append(spec)
    return [_made(grants, cloud, ids, opts) for grants in together.values()]


def _made(
    grants: Sequence[RoleGrantSpec], cloud: str, ids: Ids, opts: pulumi.ResourceOptions
) -> RoleAssignments:
    declared = replace(grants[0].declared, role_names=tuple(grant.role for grant in grants))
    principal, scope = grants[0].principal, grants[0].scope
    scope_id = "all" if scope.system else ids.of(scope.project, str(scope.domain))

    def principal_id(holder: pulumi.Resource) -> pulumi.Output[str]:
        found = id_of(
            declared.place.principal_kind,
            principal.name,
            holder,
            domain=principal.domain,
            domain_id=ids.principals_domains[principal.domain],
        )
        adopted = [grant for grant in grants if grant.adopt]
        if not adopted:
            return found
        roles = [id_of("role", grant.role, holder) for grant in adopted]
        return pulumi.Output.all(found, scope_id, *roles).apply(lambda known: _checked(adopted, *known))

    return RoleAssignments(
        declared,
        exact=False,
        cloud=cloud,
        principal_id=principal_id,
        scope_id=scope_id,
        protect=True if any(grant.adopt for grant in grants) else None,
        opts=opts,
    )


def _checked(adopted: Sequence[RoleGrantSpec], principal_id: str, scope_id: str, *role_ids: str) -> str:
    """Return PRINCIPAL_ID, after checking that each adopted id belongs to the declared grant."""
    for grant, role_id in zip(adopted, role_ids, strict=True):
        place = replace(grant.declared.place, principal_id=principal_id, scope_id=scope_id)
        declared = place.assignment_id(role_id)
        if grant.adopt != declared:
            raise pulumi.RunError(
                f"grants: {grant.qualified_name} has adopt: {grant.adopt}, which is another grant's id; its own is "
                f"{declared}. Write that, or leave adopt out: a grant that is there is taken over without it."
            )
    return principal_id
