"""Facts and resources for tests of rules."""

from datetime import date
from pathlib import Path
from typing import Any

from config.load import parse
from policy.declared import Declared
from policy.rule import Facts

TODAY = date(2027, 1, 15)


def facts(**keys: Any) -> Facts:
    """A stack whose file has KEYS beside the cloud's name."""
    raw = {"openstack": {"cloud": "admin"}, **keys}
    return Facts(parse(raw, file_name="Pulumi.test.yaml", root=Path()), TODAY)


def resource(type_: str, name: str = "thing", **props: Any) -> Declared:
    """One resource; `protect` and `depends_on` are options, everything else inputs."""
    return Declared(
        type=type_,
        name=name,
        urn=f"urn:pulumi:test::private-cloud::{type_}::{name}",
        protect=props.pop("protect", False),
        depends_on=props.pop("depends_on", {}),
        props={"name": name, **props},
    )
