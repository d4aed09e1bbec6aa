"""Checks of files for Kolla-Ansible: they may contain variables and overrides, but no secrets."""

import re
from pathlib import PurePosixPath
from typing import Any

# How the secrets of Kolla's passwords.yml, and those of a service's own configuration, are called.
_SECRET = re.compile(
    r"(^|.*_)(password|passwd|passphrase|secret|token|cookie|salt|key|license)", re.IGNORECASE
)
_OPTION = re.compile(r"\s*(?P<option>[\w.-]+)\s*[=:]\s*(?P<value>.*)")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")  # Ansible's rule
_SET_ELSEWHERE = {  # variables that this stack file gives by a key of its own
    "kolla_container_engine": "container_engine",
    "node_custom_config": "config_folder",
}
_DIRECTORIES = PurePosixPath("keystone/domains")


def globals_problem(variable: str, value: Any) -> str | None:
    """Why VARIABLE with VALUE cannot stand among Kolla's globals, as a sentence; None where it can.

    The sentence never holds the value.
    """
    if not _VARIABLE.fullmatch(variable):
        return f"{variable!r} is not a variable of Ansible; give a name such as 'kolla_base_distro'"
    if variable in _SET_ELSEWHERE:
        return f"{variable!r} is what kolla.{_SET_ELSEWHERE[variable]} gives; give it there"
    secret = _secret_in(variable, value)
    if secret:
        return (
            f"{secret!r} is a secret by its name, and this file is none; it belongs in Kolla's passwords.yml"
        )
    return None


def _secret_in(name: str, value: Any) -> str | None:
    """The name, NAME or one inside VALUE, of a secret that stands there as plain text."""
    if isinstance(value, dict):
        found = (_secret_in(str(key), inner) for key, inner in value.items())
        return next((name for name in found if name), None)
    if isinstance(value, list):
        found = (_secret_in(name, inner) for inner in value)
        return next((name for name in found if name), None)
    return name if isinstance(value, str) and _holds_a_secret(name, value) else None


def _holds_a_secret(name: str, value: str) -> bool:
    """A path or a reference to a variable is no secret itself."""
    return bool(_SECRET.fullmatch(name) and value.strip() and not value.startswith("/") and "{{" not in value)


def service_file_problem(path: str, text: str) -> str | None:
    """Why the file PATH with TEXT cannot stand among Kolla's overrides, as a sentence; None where it can."""
    file = PurePosixPath(path)
    if file.is_absolute() or ".." in file.parts or str(file) != path or path == ".":
        return f"{path!r} is not a file below config_folder; give a path from there, such as 'nova/nova-compute.conf'"
    if _DIRECTORIES in file.parents:
        return f"{path!r} is the file of a domain's directory; declare that directory with the delivery kolla"
    for number, line in enumerate(text.splitlines(), start=1):
        found = _OPTION.fullmatch(line)
        if found and _holds_a_secret(found["option"], found["value"]):
            return (
                f"line {number} gives {found['option']!r}, which is a secret by its name; give a variable of "
                "Kolla's passwords.yml, such as '{{ nova_database_password }}'"
            )
    return None


_LONGEST_FILE_NAME = 255  # bytes, of Linux's file systems


def domain_file_problem(domain: str) -> str | None:
    """Why DOMAIN can have no keystone.DOMAIN.conf, as a sentence; None where it can."""
    for character in "/${":  # a folder; what Ansible takes for variables when it copies the file
        if character in domain:
            return f"domain {domain!r} cannot be part of a file's name for Kolla; give it a name without {character!r}"
    if len(domain_file_name(domain).encode()) > _LONGEST_FILE_NAME:
        return f"domain {domain!r} is too long for a file's name; give it a shorter name"
    return None


def domain_file_name(domain: str) -> str:
    """The name of the file with the driver configuration of DOMAIN."""
    return f"keystone.{domain}.conf"
