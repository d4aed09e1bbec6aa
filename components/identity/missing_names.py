"""Error sentences for a missing role, user or group, with what Keystone has instead."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from clients import exact
from clients.openstack import connect
from config.errors.issues import nearest

MAKE_OR_CORRECT = "make it, or correct the name in the stack file"

# `keystone-manage bootstrap` makes member and reader since Rocky, manager since 2023.2
# (https://docs.openstack.org/keystone/latest/admin/service-api-protection.html). `_member_` came from Keystone's
# v2 API, which made it when it was first used, and from installers that set it as Horizon's default role.
TODAYS_MEMBER = "member"
FORMER_MEMBER = "_member_"


def missing(kind: str, name: str, domain: str | None, cloud: str | None) -> str:
    """The sentence for a KIND (user, group, role, domain) that is not there.

    Asks CLOUD, an entry of clouds.yaml, what there is instead: one request for a role, and one for each domain
    for a user or group. Where it cannot be asked, the sentence says only what is missing.
    """
    plain = f"there is no {kind} {name!r}{f' in domain {domain!r}' if domain else ''}; {MAKE_OR_CORRECT}"
    if cloud is None or (kind != "role" and domain is None):
        return plain
    try:
        with connect(cloud) as connection:
            identity: Any = connection.identity  # untyped, because the SDK's types mix its versions 2 and 3
            if kind == "role":
                owners = [
                    domain.name
                    for domain in identity.domains()
                    if any(role.name == name for role in identity.roles(domain_id=domain.id))
                ]
                if owners:
                    return of_a_domain(name, owners)
                return missing_role(name, [role.name for role in identity.roles()])
            return missing_principal(kind, name, str(domain), *_elsewhere(identity, kind, name))
    except Exception:  # noqa: BLE001 - it was asked for a better sentence only; the plain one is true as well
        return plain


def of_a_domain(name: str, domains: Iterable[str]) -> str:
    """The sentence for a role that only DOMAINS have, each its own."""
    return (
        f"role {name!r} is one of domain {', '.join(sorted(domains))} alone (domain-specific); such a role is in no "
        "token and only implies others: grant the role that it implies, or make one without a domain"
    )


def missing_role(name: str, known: Iterable[str]) -> str:
    """The sentence for a role that is not there, where KNOWN are all that are."""
    there = sorted(known)
    if name == FORMER_MEMBER and TODAYS_MEMBER in there:
        return (
            f"there is no role {FORMER_MEMBER!r}: it is the default role from before Rocky, made by Keystone's v2 API "
            f"and Horizon's set-up; `keystone-manage bootstrap` makes {TODAYS_MEMBER!r} since then, which services' "
            f"policies ask for; grant {TODAYS_MEMBER!r}"
        )
    if name == TODAYS_MEMBER and FORMER_MEMBER in there:
        return (
            f"there is no role {TODAYS_MEMBER!r}, only {FORMER_MEMBER!r}: this Keystone was set up before Rocky; "
            f"run `keystone-manage bootstrap` again, which makes the missing default roles, or grant "
            f"{FORMER_MEMBER!r} if the services' policies still ask for it"
        )
    if name in (FORMER_MEMBER, TODAYS_MEMBER):
        return (
            f"there is no role {name!r}, and not its other form either ({TODAYS_MEMBER!r} since Rocky, {FORMER_MEMBER!r} "
            "before); `keystone-manage bootstrap` makes admin, manager, member and reader; "
            f"the roles there are: {', '.join(there)}"
        )
    hint = nearest(name, there) or f"; {MAKE_OR_CORRECT}"
    return f"there is no role {name!r} among {', '.join(there)}{hint}"


def missing_principal(
    kind: str, name: str, domain: str, elsewhere: Iterable[str], unsearched: Iterable[str]
) -> str:
    """The sentence for a user or group that DOMAIN does not hold.

    ELSEWHERE are the domains that hold one of that name, UNSEARCHED those that could not be asked.
    """
    sentence = f"there is no {kind} {name!r} in domain {domain!r}"
    others = sorted(elsewhere)
    if others:
        hint = " and ".join(f"domain {other!r}" for other in others)
        sentence += (
            f", the only one that was searched; {hint} {'has' if len(others) == 1 else 'have'} a {kind} of that "
            f"name, another one for Keystone: if that is meant, write `domain: {others[0]}`, else make it in "
            f"{domain!r}"
        )
    else:
        sentence += f"; {MAKE_OR_CORRECT}"
    silent = sorted(set(unsearched) - {domain})
    if silent:
        sentence += f" (domain {', '.join(silent)} could not be asked for one of that name)"
    return sentence


def _elsewhere(identity: Any, kind: str, name: str) -> tuple[list[str], list[str]]:
    found, silent = [], []
    for domain in identity.domains():
        # With a configuration for each domain, Keystone searches one domain at a time.
        response, there = exact.listed(identity, f"{kind}s", {"name": name}, {"domain_id": domain.id})
        if response.status_code != HTTPStatus.OK:
            silent.append(domain.name)
        elif there:
            found.append(domain.name)
    return found, silent
