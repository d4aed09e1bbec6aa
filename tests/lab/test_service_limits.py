"""What a stack file may hold is what the services take: each limit is asked of the real service on both sides."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import pytest
from keystoneauth1.exceptions import ConnectFailure
from openstack.connection import Connection
from pydantic import TypeAdapter, ValidationError

from config.application_credential import AccessRuleSpec
from config.fields import KeystoneText, Line, Name, Note, PhysicalNetworkName, ProjectName, Size, Text
from config.network import ProviderNetworkSpec
from config.quota import Limit
from config.subnet import SubnetSpec

TAKEN = range(200, 300)
CLOSED = 0  # no answer: the service failed and closed the connection
REFUSED = frozenset({HTTPStatus.BAD_REQUEST})
FAILED = frozenset({HTTPStatus.INTERNAL_SERVER_ERROR, CLOSED})  # what a column that is too small gives
TOO_LARGE = frozenset({HTTPStatus.REQUEST_ENTITY_TOO_LARGE, CLOSED})  # it closes before it has read all
NEUTRONS_HINTS = 255  # neutron.db.models_v2.Network: all of them as one JSON text
EMOJI = "\U0001f600"
Ask = Callable[[Connection, Any], int]


def status(connection: Connection, service: str, kind: str, body: dict[str, Any]) -> int:
    """What the service answers to a POST of BODY, in UTF-8 as the plugin sends it; what it made is removed again."""
    proxy = getattr(connection, service)
    sent = json.dumps({kind: body}, ensure_ascii=False).replace("<", "\\u003c").encode()  # as Go writes it
    try:
        answer = proxy.post(
            f"/{kind.replace('_', '-')}s",
            data=sent,
            headers={"Content-Type": "application/json"},
            connect_retries=0,
        )
    except ConnectFailure as error:
        if "closed" in str(error) or "reset" in str(error):
            return CLOSED
        raise
    if answer.status_code in TAKEN:
        if kind == "domain":
            proxy.patch(f"/domains/{answer.json()[kind]['id']}", json={kind: {"enabled": False}})
        proxy.delete(f"/{kind.replace('_', '-')}s/{answer.json()[kind]['id']}")
    return int(answer.status_code)


def keystone(kind: str, **body: Any) -> Ask:
    def ask(connection: Connection, value: Any) -> int:
        filled = {key: value if held is ... else held for key, held in body.items()}
        return status(connection, "identity", kind, {"name": unique(), **filled})

    return ask


def network(key: str, kind: str = "network") -> Ask:
    def ask(connection: Connection, value: Any) -> int:
        return status(connection, "network", kind, {"name": unique(), key: value})

    return ask


def server_group(connection: Connection, value: Any) -> int:
    body = {"server_group": {"name": value, "policies": ["affinity"]}}
    answer = connection.compute.post("/os-server-groups", json=body, microversion="2.15")
    if answer.status_code in TAKEN:
        connection.compute.delete(f"/os-server-groups/{answer.json()['server_group']['id']}")
    return int(answer.status_code)


def glance(**body: Any) -> Ask:
    def ask(connection: Connection, value: Any) -> int:
        filled = {key: value if held is ... else held for key, held in body.items()}
        answer = connection.image.post("/images", json={"name": unique(), **filled})
        if answer.status_code in TAKEN:
            connection.image.delete(f"/images/{answer.json()['id']}")
        return int(answer.status_code)

    return ask


def glance_key(connection: Connection, value: Any) -> int:
    return glance(**{value: "x"})(connection, None)


def access_rule(connection: Connection, value: Any) -> int:
    user = connection.current_user_id
    body = {"name": unique(), "access_rules": [{"method": "GET", "service": "image", "path": value}]}
    answer = connection.identity.post(
        f"/users/{user}/application_credentials", json={"application_credential": body}
    )
    if answer.status_code in TAKEN:
        made = answer.json()["application_credential"]
        connection.identity.delete(f"/users/{user}/application_credentials/{made['id']}")
        for rule in made["access_rules"]:
            connection.identity.delete(f"/users/{user}/access_rules/{rule['id']}")
    return int(answer.status_code)


def network_quota(connection: Connection, value: Any) -> int:
    project = secrets.token_hex(16)
    answer = connection.network.put(f"/quotas/{project}", json={"quota": {"network": value}})
    connection.network.delete(f"/quotas/{project}")
    return int(answer.status_code)


def subnet(connection: Connection, value: Any) -> int:
    """Ask for the subnet as the component asks for it."""
    made = connection.network.post("/networks", json={"network": {"name": unique()}}).json()["network"]
    cidr = value["cidr"]
    fields = {"name": unique(), "network_id": made["id"], "ip_version": 6 if ":" in cidr else 4}
    body = {**fields, "cidr": cidr, "enable_dhcp": False, "gateway_ip": None}
    try:
        spec = SubnetSpec.model_validate(value)
    except ValidationError:
        if value.get("gateway") != "none":
            del body["gateway_ip"]  # Neutron's own choice
        if value.get("gateway") is None and ":" not in cidr:
            body["gateway_ip"] = cidr.replace(".0/", ".1/").partition("/")[0]  # this program's choice of old
        pools = value.get("allocation_pools")
    else:
        body["gateway_ip"] = str(spec.gateway_address) if spec.gateway_address else None
        pools = [{"start": str(pool.start), "end": str(pool.end)} for pool in spec.pools]
    if pools:
        body["allocation_pools"] = pools
    try:
        return status(connection, "network", "subnet", body)
    finally:
        connection.network.delete(f"/networks/{made['id']}")


def unique() -> str:
    return f"limit-{secrets.token_hex(4)}"


@dataclass(frozen=True)
class Side:
    """A limit: its type in a stack file, how a service is asked, a value inside, one outside, and the answer to that."""

    kind: Any
    ask: Ask
    inside: Any
    outside: Any
    refused: frozenset[int] = REFUSED


def hints(count: int) -> list[str]:
    return [f"{number:03d}" + "z" * 47 for number in range(count)]


def v6(prefix: int, **more: Any) -> dict[str, Any]:
    return {"name": "s", "cidr": f"2001:db8::/{prefix}", "dhcp": False, **more}


LIMITS = {
    "project name": Side(ProjectName, keystone("project", name=...), "p" * 64, "p" * 65),
    "project name, plane": Side(ProjectName, keystone("project", name=...), "\uffee", EMOJI, FAILED),
    "domain name": Side(ProjectName, keystone("domain", name=...), "d" * 64, "d" * 65),
    "user name": Side(Name, keystone("user", name=...), "u" * 255, "u" * 256),
    "user name, plane": Side(Name, keystone("user", name=...), "\uffee", EMOJI, FAILED),
    "project description": Side(
        KeystoneText, keystone("project", description=...), "ä" * 32767, "ä" * 32768, FAILED
    ),
    "request": Side(
        KeystoneText, keystone("project", description=...), "<" * 16_000, "<" * 20_000, TOO_LARGE
    ),
    "user description": Side(Note, keystone("user", description=...), "ä" * 10_000, "ä" * 11_000, FAILED),
    "network name": Side(Name, network("name"), "n" * 255, "n" * 256),
    "network name, plane": Side(Name, network("name"), "\uffee", EMOJI),
    "network description": Side(Line, network("description"), "ä" * 255, "ä" * 256),
    "security group name": Side(Name, network("name", "security_group"), "g" * 255, "g" * 256),
    "security group description": Side(Line, network("description", "security_group"), "ä" * 255, "ä" * 256),
    "server group name": Side(Name, server_group, "g" * 255, "g" * 256),
    "server group name, plane": Side(Name, server_group, "\uffee", EMOJI),
    "image name": Side(Name, glance(name=...), "i" * 255, "i" * 256),
    "image property": Side(Text, glance(limit_test=...), "x" * 65535, "x" * 65536, FAILED),
    "image property, plane": Side(Text, glance(limit_test=...), "\uffee", EMOJI),
    "image property's name": Side(Name, glance_key, "k" * 255, "k" * 256),
    "image size": Side(Size, glance(min_ram=...), 2**31 - 1, 2**31),
    "quota": Side(Limit, network_quota, 2**31 - 1, 2**31),
    "subnet /31": Side(
        SubnetSpec,
        subnet,
        {"name": "s", "cidr": "192.0.2.0/31", "dhcp": False, "gateway": "none"},
        {"name": "s", "cidr": "192.0.2.0/31", "dhcp": False},
    ),
    "subnet /127": Side(
        SubnetSpec,
        subnet,
        v6(127, gateway="none"),
        v6(127, gateway="none", allocation_pools=[{"start": "2001:db8::", "end": "2001:db8::1"}]),
    ),
    "subnet's first address": Side(
        SubnetSpec,
        subnet,
        v6(64, gateway="none", allocation_pools=[{"start": "2001:db8::1", "end": "2001:db8::9"}]),
        v6(64, gateway="none", allocation_pools=[{"start": "2001:db8::", "end": "2001:db8::9"}]),
    ),
}


def accepts(kind: Any, value: Any) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("name", LIMITS)
def test_the_service_takes_what_the_stack_file_may_say_and_not_more(admin: Connection, name: str) -> None:
    limit = LIMITS[name]
    assert accepts(limit.kind, limit.inside)
    assert not accepts(limit.kind, limit.outside)
    assert limit.ask(admin, limit.inside) in TAKEN
    assert limit.ask(admin, limit.outside) in limit.refused


def test_an_access_rules_path_is_as_long_as_keystones_column(admin: Connection) -> None:
    rule = {"service": "image", "method": "GET"}
    inside, outside = "/" + "p" * 127, "/" + "p" * 128
    assert AccessRuleSpec.model_validate({**rule, "path": inside})
    assert not accepts(AccessRuleSpec, {**rule, "path": outside})
    assert access_rule(admin, inside) in TAKEN
    assert access_rule(admin, outside) not in TAKEN


def test_the_zones_of_a_network_fit_into_neutrons_column() -> None:
    base = {"name": "n", "segments": [{"physical_network": "p", "vlan": 7}]}
    assert len(json.dumps(hints(4))) <= NEUTRONS_HINTS < len(json.dumps(hints(5)))
    assert accepts(ProviderNetworkSpec, {**base, "availability_hints": hints(4)})
    assert not accepts(ProviderNetworkSpec, {**base, "availability_hints": hints(5)})
    assert not accepts(PhysicalNetworkName, "p" * 65)
