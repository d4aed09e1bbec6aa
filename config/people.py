"""People whose machines a fleet is: who they are, what their machines are called, and which SSH keys they have."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationInfo

from clients.names import folded
from config.directory import Attribute
from config.fields import Name, ProjectPath, each_once
from config.spec import Problems, Spec, checking

_LONGEST = 63  # RFC 1123: a host's name


class FleetPeopleSpec(Spec):
    """Who has a machine: the members of a group, or those named here."""

    names: Annotated[tuple[Name, ...], each_once("person")] = Field(
        (), description="a list of names of accounts; people may be such a list itself"
    )
    group: Name | None = Field(
        None, description="the name of a group in place of names: its members", validate_default=True
    )
    domain: Name | None = Field(
        None,
        description="the domain that the accounts and the group are in; left out, the domain of the fleet's project",
    )

    @checking("group")
    def _one_of_two(cls, group: str | None, info: ValidationInfo) -> Problems:
        if "names" in info.data and bool(group) == bool(info.data["names"]):
            both = "both a group and names" if group else "neither a group nor names"
            yield f"there are {both}; give {{group, domain}}, or a list of names"


class FleetKeysSpec(Spec):
    """Where the public SSH keys of people are."""

    ldap: Attribute | None = Field(
        None,
        description="the attribute of their entries in the domain's directory, such as sshPublicKey",
    )
    files: ProjectPath | None = Field(
        None,
        description="a folder with a file ACCOUNT.pub for each, one key a line; a relative path is the project folder's",
        validate_default=True,
    )

    @checking("files")
    def _one_of_two(cls, files: Path | None, info: ValidationInfo) -> Problems:
        if "ldap" in info.data and bool(files) == bool(info.data["ldap"]):
            yield "give one of two: {ldap: ATTRIBUTE} or {files: FOLDER}"


def machine_name(fleet: str, account: str) -> str:
    """What the machine of ACCOUNT is called; empty for an account of which nothing could be in a host's name."""
    safe = re.sub("[^a-z0-9]+", "-", folded(account)).strip("-")
    return f"{fleet}-{safe}"[:_LONGEST].rstrip("-") if safe else ""


def shared_names(fleet: str, accounts: Iterable[str]) -> dict[str, list[str]]:
    """The accounts that would share a machine's name, by that name; those without one are under the empty name."""
    by_name: dict[str, list[str]] = {}
    for account in accounts:
        by_name.setdefault(machine_name(fleet, account), []).append(account)
    return {name: sharing for name, sharing in by_name.items() if len(sharing) > 1 or not name}


def name_problem(name: str, accounts: Iterable[str]) -> str:
    """Why ACCOUNTS, which would share the machine NAME, cannot have one each."""
    who = " and ".join(map(repr, accounts))
    if not name:
        return f"{who} has no letter a to z and no digit, of which the machine's name would be made; rename the account"
    return f"{who} would share the machine {name}; rename one of the accounts"
