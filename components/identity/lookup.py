"""Look-ups by name in Keystone, with an explanation if there is no such name."""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import pulumi
import pulumi_openstack as openstack

from clients.errors import CloudError
from clients.names import folded
from clients.openstack import connect
from components.identity.missing_names import missing

_FUNCTIONS = {
    "user": "openstack:identity/getUser:getUser",
    "group": "openstack:identity/getGroup:getGroup",
    "role": "openstack:identity/getRole:getRole",
    "domain": "openstack:identity/getProject:getProject",  # a domain is a project that acts as one
}

# gRPC's code and Go's context.Canceled; a name that has the word in it does not match.
_CANCELLED = re.compile(r"code = Canceled|(context|operation was) canceled", re.IGNORECASE)


@dataclass(frozen=True)
class _Wanted:
    """What is looked for; `domain` is the name of the one domain that is searched."""

    kind: str
    name: str
    domain: str | None

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}{f' in domain {self.domain!r}' if self.domain else ''}"


_found_with: WeakKeyDictionary[pulumi.ProviderResource, dict[_Wanted, pulumi.Output[str]]] = (
    WeakKeyDictionary()
)
"""What was looked up with each provider of this run: a name is asked for once, however many grants name it."""


def id_of(
    kind: str,
    name: str,
    parent: pulumi.Resource,
    *,
    domain: str | None = None,
    domain_id: pulumi.Input[str] | None = None,
) -> pulumi.Output[str]:
    """The id of the KIND (user, group, role, domain) called NAME.

    Users and groups are looked for in the domain of DOMAIN_ID only; DOMAIN is its name, for the sentence.
    While that id is unknown (a domain yet to be made) so is the result. PARENT's provider does the look-up:
    one request for each name, however often it is asked for.

    Raises:
        pulumi.RunError: through the output, when there is none or more than one, or Keystone cannot be asked.
    """
    wanted = _Wanted(kind, name, domain)
    provider = parent.get_provider(_FUNCTIONS[kind])
    if provider is None:
        return _looked_up(wanted, parent, domain_id)
    found = _found_with.setdefault(provider, {})
    if wanted not in found:
        found[wanted] = _looked_up(wanted, parent, domain_id)
    return found[wanted]


def role_ids(names: Iterable[str], parent: pulumi.Resource) -> pulumi.Output[list[str]]:
    """The ids of the roles of these names, sorted: they are a set."""
    ids = pulumi.Output.all(*(id_of("role", name, parent) for name in names))
    return ids.apply(lambda known: sorted(set(known)))


def _looked_up(
    wanted: _Wanted, parent: pulumi.Resource, domain_id: pulumi.Input[str] | None
) -> pulumi.Output[str]:
    function = _FUNCTIONS[wanted.kind]

    async def find(known_domain_id: str | None) -> str:
        query: dict[str, object] = {"name": wanted.name}
        if known_domain_id:
            query["domainId"] = known_domain_id
        if wanted.kind == "domain":
            query["isDomain"] = True
        try:
            found = await pulumi.runtime.invoke_async(function, query, pulumi.InvokeOptions(parent=parent))
        except Exception as error:  # noqa: BLE001 - the SDK raises nothing narrower
            cloud = await _cloud_of(parent.get_provider(function))
            sentence = await asyncio.to_thread(_why, wanted, str(error), cloud)
            raise pulumi.RunError(sentence) from None
        if folded(found.get("name", wanted.name)) != folded(wanted.name):
            raise pulumi.RunError(
                f"Keystone was asked for {wanted} and answered with {found['name']!r}; write the name as Keystone has it"
            )
        identifier: str = found["id"]
        return identifier

    return pulumi.Output.from_input(domain_id).apply(find)


async def _cloud_of(provider: pulumi.ProviderResource | None) -> str | None:
    """The entry of clouds.yaml that PROVIDER uses."""
    return await provider.cloud.future() if isinstance(provider, openstack.Provider) else None


def _why(wanted: _Wanted, error: str, cloud: str | None) -> str:
    if _CANCELLED.search(error):  # by whoever ended the run; nothing is known of the name
        return f"the look-up of {wanted} was cancelled before Keystone had answered"
    if "returned no results" in error:
        return missing(wanted.kind, wanted.name, wanted.domain, cloud)
    if "more than one result" in error:
        return (
            f"there is more than one {wanted}, and a name has to mean one; rename one, or narrow the filter of "
            "the domain's directory"
        )
    trouble = _trouble(cloud) if cloud else None
    if trouble:
        return f"could not look up {wanted}: {trouble}"
    entry = f" with the entry {cloud!r} of clouds.yaml" if cloud else ""
    sentence = f"could not look up {wanted}{entry}: {error}"
    # An HTTP status, with no more than "unexpected error"; or, for a pooled connection that died, no answer at all.
    if wanted.domain and ("got 50" in error or "EOF" in error):
        sentence += (
            f". If the {wanted.kind}s of domain {wanted.domain!r} come from a directory, check that Keystone "
            "reaches it; Keystone's log says what it met"
        )
    return sentence


def _trouble(cloud: str) -> str | None:
    """What is wrong with the login or the region of that entry of clouds.yaml, which the plugin's words do not name."""
    try:
        with connect(cloud) as connection:
            connection.identity.get("/")  # whatever the answer: it is in the catalogue
    except CloudError as error:
        return str(error)
    return None
