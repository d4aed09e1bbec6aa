"""What is built by every way: so many resources of the kinds that this program uses, from names that are counted up.

A plan is made of blocks of ten resources. A plain block is a project, a provider network (one VLAN) with three
subnets, shared with the project, a user, and three roles on the project for a user that is there already. A block
with dynamic resources, which Terraform and Ansible have no counterpart of, has one subnet and two roles less, and in
their place the rules of the project's default security group, a subnet's host routes, and a user's role set.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network

BLOCK = 10
"""Resources in a block, of either sort."""
FIRST_VLAN = 400
"""Of the lab's 100 to 999; the dev stack and the tests use others."""
GRANTEE = "ci-runner"
"""A user of the Default domain that the lab has without any roles."""
DNS = ("10.10.0.53", "10.10.0.54")


@dataclass(frozen=True)
class Subnet:
    """An IPv4 subnet with a gateway at its first address."""

    name: str
    cidr: IPv4Network

    @property
    def gateway(self) -> str:
        """The router's address."""
        return str(self.cidr[1])

    @property
    def pool(self) -> tuple[str, str]:
        """The first and the last address that ports may get."""
        return str(self.cidr[100]), str(self.cidr[200])


@dataclass(frozen=True)
class Block:
    """Ten resources that belong together; ``number`` counts from 0."""

    number: int
    dynamic: bool

    @property
    def name(self) -> str:
        """Of its project, network and user."""
        return f"bench-{self.number:03}"

    @property
    def vlan(self) -> int:
        """Of its network."""
        return FIRST_VLAN + self.number

    @cached_property
    def subnets(self) -> tuple[Subnet, ...]:
        """Of its network."""
        count = 2 if self.dynamic else 3
        return tuple(
            Subnet(f"{self.name}-{index}", IPv4Network(f"10.{100 + self.number}.{index}.0/24"))
            for index in range(count)
        )

    @property
    def roles(self) -> tuple[str, ...]:
        """What the user that is there gets on the project."""
        return ("member",) if self.dynamic else ("manager", "member", "reader")


@dataclass(frozen=True)
class Plan:
    """So many resources, a multiple of ten."""

    size: int
    dynamic: bool = False

    def __post_init__(self) -> None:
        if self.size % BLOCK:
            raise ValueError(f"a plan is made of blocks of {BLOCK}, and {self.size} is no multiple of that")

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """All of them."""
        return tuple(Block(number, self.dynamic) for number in range(self.size // BLOCK))
