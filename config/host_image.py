"""The image that hosts boot: what it is built from, where it is published, and settings for new hosts."""

from typing import ClassVar

from pydantic import Field

from config.fields import ImageReference, IpAddress, Mtu
from config.spec import Effects, Spec, changing


class HostImageSpec(Spec):
    """The immutable system of the hosts; `make host-image` builds it from the folder host_image."""

    effects: ClassVar[Effects] = changing(nothing="base")

    base: ImageReference = Field(
        "quay.io/centos-bootc/centos-bootc:stream10",
        description="the bootc image it is built from: one of CentOS Stream or what is compatible with it",
    )
    image: ImageReference | None = Field(
        None,
        description="the image that hosts boot which name none, such as 'registry.corp.example/host:2026.47'",
    )
    nameservers: tuple[IpAddress, ...] = Field(
        (), description="a list of the addresses of the hosts' name servers; part of the kickstart"
    )
    mtu: Mtu = Field(1500, description="the MTU of the hosts' links and management port, in bytes")
