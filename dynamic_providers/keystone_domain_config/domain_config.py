"""The configuration of a domain over Keystone's API, and whether Keystone goes by it.

API: https://docs.openstack.org/api-ref/identity/v3/#domain-configuration. Where ``domain_specific_drivers_enabled`` or
``domain_configurations_from_database`` is off, Keystone stores the options, answers 201 and goes on without them
(keystone/identity/core.py). REST level: the SDK's DomainConfig (4.22) has two options of [ldap] and no other.
"""

import time
from http import HTTPStatus
from typing import Any

from requests import Response

from clients.errors import CloudError
from clients.openstack import Connection, answered, message

Options = dict[str, dict[str, str]]

USED_TIMEOUT_S = 30
"""For all workers to notice; those without a common cache take [domain_config] cache_time, 300 s by default."""
_POLL_S = 1
_HINTS = {HTTPStatus.FORBIDDEN: "The account of openstack.cloud needs the role admin there."}


def get(connection: Connection, domain_id: str) -> Options | None:
    """Give the options as text, without the password, which Keystone never tells; None if there are none."""
    answer = connection.identity.get(f"/domains/{domain_id}/config")
    found = _answered(answer, "read", HTTPStatus.NOT_FOUND)
    if not found:
        return None
    return {
        group: {name: _meant(value) for name, value in options.items() if name != "password"}
        for group, options in found["config"].items()
    }


def put(connection: Connection, domain_id: str, options: Options, password: str) -> None:
    """Set exactly these options, in one transaction: what was there before is gone."""
    config: dict[str, dict[str, str]] = {
        group: {name: _literal(text) for name, text in values.items()} for group, values in options.items()
    }
    # oslo.config's $ is in force for the password, Keystone's % substitution is not.
    config.setdefault("ldap", {})["password"] = password.replace("$", "$$")
    _answered(connection.identity.put(f"/domains/{domain_id}/config", json={"config": config}), "set")


def delete(connection: Connection, domain_id: str) -> None:
    """Remove all options; gone already, or the whole domain gone, is success."""
    _answered(connection.identity.delete(f"/domains/{domain_id}/config"), "remove", HTTPStatus.NOT_FOUND)


def _answered(answer: Response, doing: str, *fine: HTTPStatus) -> dict[str, Any]:
    return answered(answer, "Keystone", f"{doing} the configuration of the domain", *fine, hints=_HINTS)


def wait_until_used(
    connection: Connection, domain_id: str, domain: str, witness: tuple[str, str] | None
) -> None:
    """Wait until Keystone finds ``witness``, ("user", NAME) or ("group", NAME), in the domain.

    Without one, only that Keystone can ask the directory at all is seen.

    Raises:
        CloudError: it does not find it, or cannot ask the directory.
    """
    kind, name = witness or ("user", "nobody")
    deadline = time.monotonic() + USED_TIMEOUT_S
    while True:
        # Not compared: a directory may ignore case, and that anything is found is what this is about.
        answer = connection.identity.get(f"/{kind}s", params={"domain_id": domain_id, "name": name})
        if not answer.ok:
            raise CloudError(
                f"Keystone has the configuration of domain {domain!r} and cannot use the directory: "
                f"{answer.status_code}, {message(answer) or answer.reason}. See that its hosts reach the directory and "
                "have the CA file (after another CA Keystone has to be restarted), and look at its log."
            )
        if witness is None or answer.json()[f"{kind}s"]:
            return
        if time.monotonic() > deadline:
            raise CloudError(
                f"Keystone has stored the configuration of domain {domain!r} and does not use it: "
                f"it finds no {kind} {name!r} there. Set domain_specific_drivers_enabled = true and "
                "domain_configurations_from_database = true under [identity] in keystone.conf and restart "
                "Keystone, or set the directory's delivery: kolla."
            )
        time.sleep(_POLL_S)


def differing(live: Options, wanted: Options) -> str:
    """Name the options that differ, as GROUP.NAME."""
    flat = [
        {f"{group}.{name}": text for group, values in options.items() for name, text in values.items()}
        for options in (live, wanted)
    ]
    return ", ".join(sorted(name for name in flat[0] | flat[1] if flat[0].get(name) != flat[1].get(name)))


def _literal(text: str) -> str:
    """TEXT so that Keystone takes it literally: it replaces %(password)s, and oslo.config $NAME."""
    return text.replace("%", "%%").replace("$", "$$")


def _meant(value: Any) -> str:
    """Give what a stored value says to Keystone; true and 500 may be no text where somebody else set them."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).replace("$$", "$").replace("%%", "%")
