"""What the engine tells of a resource, as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from pulumi_policy.proxy import UnknownValueError

if TYPE_CHECKING:
    from pulumi_policy import PolicyResource, ResourceValidationArgs


class Unknown(Enum):
    """A value that only the update will know; no rule can be broken by it."""

    UNKNOWN = "unknown"


UNKNOWN = Unknown.UNKNOWN


@dataclass(frozen=True)
class Declared:
    """A resource that the program declares.

    Attributes:
        type: the token, such as openstack:networking/network:Network.
        name: what the program calls it; exceptions name it by this.
        urn: the engine's name for it.
        props: its inputs, plain values with UNKNOWN where nobody knows yet; secrets too, which no sentence may show.
        protect: whether Pulumi refuses to remove it.
        depends_on: the urns of the resources that each of its inputs comes from, by input; only stack rules have it.
    """

    type: str
    name: str
    urn: str
    props: Mapping[str, Any]
    protect: bool = False
    depends_on: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def text(self, key: str, default: str = "") -> str:
        """The input KEY, DEFAULT where it is missing or not known yet."""
        value = self.props.get(key)
        return value if isinstance(value, str) else default

    def entries(self, key: str) -> list[Any]:
        """The list KEY without what is not known yet; empty where it is missing."""
        value = self.props.get(key)
        return [entry for entry in value if entry is not UNKNOWN] if isinstance(value, list) else []

    def is_true(self, key: str) -> bool:
        """Whether KEY is true; plugins' configuration has it as text."""
        return self.props.get(key) in {True, "true"}

    def is_unknown(self, key: str) -> bool:
        """Whether only the update will know KEY."""
        return self.props.get(key) is UNKNOWN


def from_engine(resource: "ResourceValidationArgs | PolicyResource") -> Declared:
    """RESOURCE, as CrossGuard gives it to a policy."""
    dependencies = getattr(resource, "property_dependencies", {})
    return Declared(
        type=resource.resource_type,
        name=resource.name,
        urn=resource.urn,
        props=_plain(resource.props),
        protect=resource.opts.protect,
        depends_on={key: frozenset(other.urn for other in others) for key, others in dependencies.items()},
    )


def _plain(value: Any) -> Any:
    # Reading an unknown value through CrossGuard's proxies raises, and would end the whole rule.
    if isinstance(value, Mapping):
        return {key: _read(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_read(value, index) for index in range(len(value))]
    return value


def _read(holder: Any, key: str | int) -> Any:
    try:
        return _plain(holder[key])
    except UnknownValueError:
        return UNKNOWN
