"""The operator's own files that every Kolla run reads: looked at before anything is touched, never written."""

import os
from pathlib import Path

import yaml

from clients import regular_file
from clients.errors import CloudError

VAULT = "$ANSIBLE_VAULT"
PASSWORD_FILE = "ANSIBLE_VAULT_PASSWORD_FILE"  # noqa: S105 - the name of a variable
PASSWORDS_ADVICE = "copy the one that Kolla-Ansible ships and run kolla-genpwd"
SHORTEST_SECRET = 6  # characters; what is shorter is too common a word to be hidden in a message


def require(configdir: Path) -> None:
    """Refuse a configuration that Kolla-Ansible could only fail with."""
    if not configdir.is_dir():
        raise CloudError(
            f"there is no folder {configdir}: make it with Kolla's globals.yml and passwords.yml in it"
        )
    _read(configdir / "globals.yml", "copy the one that Kolla-Ansible ships and fill it in")
    passwords = _read(configdir / "passwords.yml", PASSWORDS_ADVICE)
    if not passwords.startswith(VAULT):
        return
    given = os.environ.get(PASSWORD_FILE)
    if not given:
        raise CloudError(
            f"{configdir / 'passwords.yml'} is an Ansible vault: set {PASSWORD_FILE} to the file with its password"
        )
    _read(Path(given), f"it is what {PASSWORD_FILE} names; write the vault's password into it")


def secrets(configdir: Path) -> list[str]:
    """The values of passwords.yml, longest first, to be hidden wherever they appear; none of a vault's."""
    text = _read(configdir / "passwords.yml", PASSWORDS_ADVICE)
    if text.startswith(VAULT):
        return []
    try:
        found = _values(yaml.safe_load(text))
    except yaml.YAMLError:
        return []
    return sorted({value for value in found if len(value) >= SHORTEST_SECRET}, key=len, reverse=True)


def hidden(text: str, values: list[str]) -> str:
    """The text without the values."""
    for value in values:
        text = text.replace(value, "***")
    return text


def _values(node: object) -> list[str]:
    if isinstance(node, dict):
        return [value for item in node.values() for value in _values(item)]
    if isinstance(node, list):
        return [value for item in node for value in _values(item)]
    return [] if node is None else [line.strip() for line in str(node).splitlines()]


def _read(path: Path, advice: str) -> str:
    try:
        return regular_file.text(path, errors="replace")
    except OSError as error:
        raise CloudError(f"{path} cannot be read ({error.strerror}): {advice}") from error
