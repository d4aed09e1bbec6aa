"""Where a deployment's hosts are known beside themselves."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Clouds:
    """How OpenStack and Ceph are asked.

    Attributes:
        cloud: entry of clouds.yaml with an administrator's login.
        ceph_user: cephx user without ``client.``; None where no Ceph is looked at.
        ceph_conf: path of ceph.conf; None for $CEPH_CONF or Ceph's usual place.
    """

    cloud: str
    ceph_user: str | None = None
    ceph_conf: str | None = None
