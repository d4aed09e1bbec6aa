"""Takes hosts out of the cloud: looked at, disabled, emptied where declared, undeployed, forgotten.

Nothing is written down between the steps: each of them finds what an earlier run has done.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress

from openstack.connection import Connection

from clients import openstack
from clients.errors import CloudError, InUseError
from clients.ssh import HostUnreachable
from dynamic_providers.kolla_deployment import ceph_host, drain, neutron_host, nova_host, occupants, remains
from dynamic_providers.kolla_deployment.clouds import Clouds
from dynamic_providers.kolla_deployment.control_hosts import (
    CONTROL,
    control_hosts,
    last_control,
    quorum_warning,
)
from dynamic_providers.kolla_deployment.deployment import DeployedHost
from dynamic_providers.kolla_deployment.occupants import Occupants


def check(
    leaving: Sequence[DeployedHost],
    staying: Mapping[str, Collection[str]],
    clouds: Clouds,
    tell: Callable[[str], None],
) -> None:
    """Refuse to remove hosts that are in use, naming all users; changes nothing.

    Instances, routers and DHCP networks of a host that is to be drained are no reason; OSDs with data always are.

    Args:
        leaving: the hosts that go.
        staying: names and roles of those that stay.
        clouds: OpenStack and Ceph.
        tell: is given warnings, a line at a time.

    Raises:
        InUseError: a host is in use, or it is the last control host.
        CloudError: OpenStack or Ceph cannot be asked.
    """
    last = last_control(_roles(leaving), staying)
    if last:
        raise InUseError(last)
    worse = quorum_warning(_roles(leaving), staying)
    if worse:
        tell(f"warning: {worse}")
    with _asked(clouds.cloud, leaving, staying, tell) as conn:
        used = {
            host.name: found
            for host in leaving
            if (found := _occupants(conn, clouds, host, leaving)).told
            and not (host.removal == "drain" and found.movable)
        }
    if used:
        raise InUseError(". ".join(_refusal(name, found) for name, found in used.items()))


def remove(
    leaving: Sequence[DeployedHost],
    staying: Mapping[str, Collection[str]],
    clouds: Clouds,
    *,
    destroy: Callable[[Sequence[str]], Mapping[str, str]],
    within: float,
    tell: Callable[[str], None],
) -> dict[str, str]:
    """Remove the hosts; one that fails holds no other up.

    Args:
        leaving: the hosts that go.
        staying: names and roles of those that stay.
        clouds: OpenStack and Ceph.
        destroy: runs ``kolla-ansible destroy`` on the hosts named and says of those that failed why.
        within: seconds for emptying each host.
        tell: is given progress and warnings, a line at a time.

    Returns:
        Why a host could not be removed, by its name; empty where all are gone.

    Raises:
        InUseError: as ``check``, before anything is touched.
        CloudError: OpenStack or Ceph cannot be asked.
    """
    check(leaving, staying, clouds, tell)
    failed: dict[str, str] = {}
    for host in leaving:
        # First of all: a host that is declared again half way is deployed anew, and its services enabled.
        with _noted(failed, host), suppress(HostUnreachable):
            remains.unmark(host.ssh)
    with _asked(clouds.cloud, leaving, staying, tell) as conn:
        if conn is not None:
            going = [host for host in leaving if host.name not in failed]
            for host in going:
                nova_host.disable(conn, host.name)
                neutron_host.disable(conn, host.name)
            for host in going:
                with _noted(failed, host):
                    _empty(conn, clouds, host, leaving, within=within, tell=tell)
    _undeploy([host for host in leaving if host.name not in failed], destroy, failed, tell)
    gone = [host for host in leaving if host.name not in failed]
    if gone:
        with _asked(clouds.cloud, leaving, staying, tell) as conn:
            for host in gone:
                with _noted(failed, host):
                    _forget(conn, clouds, host, tell)
    return failed


def _empty(
    conn: Connection,
    clouds: Clouds,
    host: DeployedHost,
    leaving: Sequence[DeployedHost],
    *,
    within: float,
    tell: Callable[[str], None],
) -> None:
    if host.removal == "drain":
        deadline = time.monotonic() + within
        drain.drain(conn, host.name, _names(leaving), deadline=deadline, tell=tell)
    # Only now that it takes nothing new is it sure that nothing is on it.
    found = _occupants(conn, clouds, host, leaving)
    if found.told:
        raise InUseError(f"{_refusal(host.name, found)}. It takes nothing new now")


def _undeploy(
    leaving: Sequence[DeployedHost],
    destroy: Callable[[Sequence[str]], Mapping[str, str]],
    failed: dict[str, str],
    tell: Callable[[str], None],
) -> None:
    there = []
    for host in leaving:
        try:
            found = remains.of(host.ssh, host.container_engine)
        except HostUnreachable as error:
            tell(
                f"warning: {error}. It is removed all the same, as nothing is on it: its containers and disks stay as"
                " they are; install it anew before it comes back, or its services report again"
            )
        except CloudError as error:
            failed[host.name] = str(error)
        else:
            there.append((host, found))
    known = [host.name for host, found in there if found.engine]
    if known:
        tell(f"destroying Kolla's containers and volumes on {', '.join(known)}")
        failed.update(destroy(known))
    for host, _ in there:
        if host.name not in failed:
            with _noted(failed, host):
                _clear(host)


def _clear(host: DeployedHost) -> None:
    found = remains.of(host.ssh, host.container_engine)
    if found.containers:  # volumes that they use could not be removed
        raise CloudError(
            f"{host.name}: kolla-ansible destroy left {found}; remove them there and run this again"
        )
    remains.clear(host.ssh, host.container_engine, found)
    left = str(remains.of(host.ssh, host.container_engine))
    if left:
        raise CloudError(f"{host.name}: {left} came back while the host was removed; look at who starts them")


def _forget(conn: Connection | None, clouds: Clouds, host: DeployedHost, tell: Callable[[str], None]) -> None:
    if conn is not None:
        nova_host.forget(conn, host.name)
        neutron_host.forget(conn, host.name)
        back = [service.binary for service in nova_host.services(conn, host.name)]
        back += [agent.kind for agent in neutron_host.agents(conn, host.name)]
        if back:
            raise CloudError(
                f"{host.name}: {', '.join(back)} reported again after its record was deleted; stop it on the host"
            )
    stays = ceph_host.take_back(host.name, clouds)
    if stays:
        tell(f"warning: {stays}")
    tell(f"{host.name}: removed")


def _occupants(
    conn: Connection | None, clouds: Clouds, host: DeployedHost, leaving: Sequence[DeployedHost]
) -> Occupants:
    return occupants.of(conn, clouds, host.name, _names(leaving))


def _refusal(name: str, found: Occupants) -> str:
    advice = [] if found.movable else ["empty its OSDs first, which is not done here"]
    if found.instances or found.unconfirmed or found.served:
        advice.append("move or delete the others" if advice else "move or delete them")
        advice[-1] += ", or declare the host once more with removal: drain before it goes"
    return f"{name} is in use by {found.told}: {'; '.join(advice)}"


@contextmanager
def _asked(
    cloud: str,
    leaving: Sequence[DeployedHost],
    staying: Mapping[str, Collection[str]],
    tell: Callable[[str], None],
) -> Iterator[Connection | None]:
    """Connect; None where the cloud is gone with its last control hosts, by this run or one before it."""
    with ExitStack() as stack:
        conn = None
        try:
            conn = stack.enter_context(openstack.connect(cloud))
        except CloudError:
            controls = [host for host in leaving if CONTROL in host.roles]
            if control_hosts(staying) or not controls or not all(_is_bare(host) for host in controls):
                raise
            tell("the cloud went with its control hosts, and its records of hosts with it")
        yield conn


def _is_bare(host: DeployedHost) -> bool:
    return not remains.of(host.ssh, host.container_engine).containers


@contextmanager
def _noted(failed: dict[str, str], host: DeployedHost) -> Iterator[None]:
    try:
        yield
    except CloudError as error:
        failed[host.name] = str(error)


def _roles(leaving: Sequence[DeployedHost]) -> dict[str, tuple[str, ...]]:
    return {host.name: host.roles for host in leaving}


def _names(leaving: Sequence[DeployedHost]) -> frozenset[str]:
    return frozenset(host.name for host in leaving)
