"""Takes hosts out of the cloud: checked, disabled, emptied where declared, undeployed, forgotten. Each step finds what is done."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from clients import openstack
from clients.errors import CloudError, InUseError
from clients.openstack import Connection
from clients.progress import log_line
from clients.ssh import HostUnreachable
from dynamic_providers.kolla_deployment import (
    ceph_host,
    drain,
    host_usage,
    leftovers,
    neutron_host,
    nova_host,
)
from dynamic_providers.kolla_deployment.ceph_host import Clouds
from dynamic_providers.kolla_deployment.deployment import DeployedHost
from dynamic_providers.kolla_deployment.facts import LOCAL
from dynamic_providers.kolla_deployment.host_usage import HostUsage, named
from dynamic_providers.kolla_deployment.kolla import Kolla

WITHIN_S = 1800.0
"""For a host to drain."""
CONTROL = "control"
ROLES = (CONTROL, "network", "compute", "storage", "monitoring")


def remove(kolla: Kolla, leaving: Sequence[DeployedHost], clouds: Clouds) -> None:
    """Remove the hosts with Kolla-Ansible, while the inventory still knows them: all, or none where one is in use.

    Those that stay are whoever is in the inventory, by whichever hand.

    Raises:
        InUseError: something uses one of them, or they are the last that run the cloud's control plane.
        CloudError: a host could not be removed; the others were.
    """
    if not leaving:
        return
    groups = kolla.groups()
    gone = {host.name for host in leaving} | {LOCAL}
    staying = {
        name: {role for role in ROLES if name in groups.get(role, ())}
        for name in groups.get("baremetal", set()) - gone
    }
    failed = Removal(leaving, staying, clouds, kolla.destroy).run()
    if failed:
        failures = "; ".join(failed.values())
        raise CloudError(f"not every host could be removed, and the next run tries again: {failures}")


@dataclass(frozen=True)
class Removal:
    """One removal of hosts; one that fails holds no other up.

    Attributes:
        staying: names and roles of those that stay.
        destroy: runs ``kolla-ansible destroy`` on the hosts named and says of those that failed why.
        within: seconds for emptying each host.
        failed: why a host could not be removed, by its name.
    """

    leaving: Sequence[DeployedHost]
    staying: Mapping[str, Collection[str]]
    clouds: Clouds
    destroy: Callable[[Sequence[str]], Mapping[str, str]]
    within: float = WITHIN_S
    failed: dict[str, str] = field(default_factory=dict)

    def run(self) -> dict[str, str]:
        """Remove them; what has failed, which is nothing where all are gone.

        Raises:
            InUseError: as `_check`, before anything is touched.
        """
        self._check()
        for host in self.leaving:
            # First of all: a host that is declared again half way is deployed anew, and its services enabled.
            with self._collect_errors(host), suppress(HostUnreachable):
                leftovers.unmark(host.ssh)
        with self._connect() as conn:
            if conn is not None:
                going = self._going()
                for host in going:
                    nova_host.disable(conn, host.name)
                    neutron_host.disable(conn, host.name)
                for host in going:
                    with self._collect_errors(host):
                        self._empty(conn, host)
        self._undeploy()
        if gone := self._going():
            with self._connect() as conn:
                for host in gone:
                    with self._collect_errors(host):
                        self._forget(conn, host)
        return self.failed

    def _check(self) -> None:
        """Refuse to remove hosts that are in use, naming all users; changes nothing.

        Instances, routers and DHCP networks of a host that is to be drained are no reason; OSDs with data always are.

        Raises:
            InUseError: a host is in use, or it is the last control host.
        """
        roles = {host.name: host.roles for host in self.leaving}
        if last := last_control(roles, self.staying):
            raise InUseError(last)
        if worse := quorum_warning(roles, self.staying):
            log_line(f"warning: {worse}")
        with self._connect() as conn:
            used = {
                host.name: found
                for host in self.leaving
                if (found := self._usage(conn, host)).osds or (found.movable and host.removal != "drain")
            }
        if used:
            raise InUseError(". ".join(_in_use(name, found) for name, found in used.items()))

    def _going(self) -> list[DeployedHost]:
        return [host for host in self.leaving if host.name not in self.failed]

    def _empty(self, conn: Connection, host: DeployedHost) -> None:
        if host.removal == "drain":
            drain.drain(conn, host.name, self._names(), deadline=time.monotonic() + self.within)
        # Only now that it takes nothing new is it sure that nothing is on it.
        found = self._usage(conn, host)
        if str(found):
            raise InUseError(f"{_in_use(host.name, found)}. It takes nothing new now")

    def _undeploy(self) -> None:
        there = []
        for host in self._going():
            try:
                found = leftovers.of(host.ssh, host.container_engine)
            except HostUnreachable as error:
                log_line(
                    f"warning: {error}. It is removed all the same, as nothing is on it: its containers and disks stay as"
                    " they are; install it anew before it comes back, or its services report again"
                )
            except CloudError as error:
                self.failed[host.name] = str(error)
            else:
                there.append((host, found))
        known = [host.name for host, found in there if found.engine]
        if known:
            log_line(f"destroying Kolla's containers and volumes on {', '.join(known)}")
            self.failed.update(self.destroy(known))
        for host, _ in there:
            if host.name not in self.failed:
                with self._collect_errors(host):
                    _clear(host)

    def _forget(self, conn: Connection | None, host: DeployedHost) -> None:
        if conn is not None:
            nova_host.forget(conn, host.name)
            neutron_host.forget(conn, host.name)
            back = [service.binary for service in nova_host.services(conn, host.name)]
            back += [agent.agent_type for agent in neutron_host.agents(conn, host.name)]
            if back:
                raise CloudError(
                    f"{host.name}: {', '.join(back)} reported again after its record was deleted; stop it on the host"
                )
        if stays := ceph_host.take_back(host.name, self.clouds):
            log_line(f"warning: {stays}")
        log_line(f"{host.name}: removed")

    def _usage(self, conn: Connection | None, host: DeployedHost) -> HostUsage:
        return host_usage.of(conn, self.clouds, host.name, self._names())

    def _names(self) -> frozenset[str]:
        return frozenset(host.name for host in self.leaving)

    @contextmanager
    def _connect(self) -> Iterator[Connection | None]:
        """Connect; None where the cloud is gone with its last control hosts, by this run or one before it."""
        with ExitStack() as stack:
            conn = None
            try:
                conn = stack.enter_context(openstack.connect(self.clouds.cloud))
            except CloudError:
                controls = [host for host in self.leaving if CONTROL in host.roles]
                # Bare: what ran there is gone.
                bare = [not leftovers.of(host.ssh, host.container_engine).containers for host in controls]
                if control_hosts(self.staying) or not controls or not all(bare):
                    raise
                log_line("the cloud went with its control hosts, and its records of hosts with it")
            yield conn

    @contextmanager
    def _collect_errors(self, host: DeployedHost) -> Iterator[None]:
        try:
            yield
        except CloudError as error:
            self.failed[host.name] = str(error)


def _clear(host: DeployedHost) -> None:
    found = leftovers.of(host.ssh, host.container_engine)
    if found.containers:  # volumes that they use could not be removed
        raise CloudError(
            f"{host.name}: kolla-ansible destroy left {found}; remove them there and run this again"
        )
    leftovers.clear(host.ssh, host.container_engine, found)
    left = str(leftovers.of(host.ssh, host.container_engine))
    if left:
        raise CloudError(f"{host.name}: {left} came back while the host was removed; look at who starts them")


def _in_use(name: str, found: HostUsage) -> str:
    advice = ["empty its OSDs first, which is not done here"] if found.osds else []
    if found.movable:
        advice.append("move or delete the others" if advice else "move or delete them")
        advice[-1] += ", or declare the host once more with removal: drain before it goes"
    return f"{name} is in use by {found}: {'; '.join(advice)}"


def control_hosts(hosts: Mapping[str, Collection[str]]) -> list[str]:
    """Those of HOSTS (with their roles) that are control hosts, by name."""
    return sorted(host for host, roles in hosts.items() if CONTROL in roles)


def last_control(
    leaving: Mapping[str, Collection[str]], staying: Mapping[str, Collection[str]]
) -> str | None:
    """Why these hosts (with their roles) may not go all at once; None where they may.

    All control hosts may go where nothing stays: that is the end of the cloud. Where no control host is declared
    at all, the cloud's are somebody else's.
    """
    going = control_hosts(leaving)
    if not going or not staying or control_hosts(staying):
        return None
    return (
        f"{', '.join(going)}: the last control host cannot be removed while {named(sorted(staying), str)} stay;"
        " declare another control host first, or remove these as well"
    )


def quorum_warning(
    leaving: Mapping[str, Collection[str]], staying: Mapping[str, Collection[str]]
) -> str | None:
    """What becomes worse for MariaDB's and RabbitMQ's clusters; None where nothing does."""
    going, after = len(control_hosts(leaving)), len(control_hosts(staying))
    if not going or not after:
        return None
    before = going + after
    if 2 * after <= before:
        return (
            f"{going} of {before} control hosts go at once, so that the others lose their quorum (MariaDB, RabbitMQ)"
            " until they are deployed again; remove one at a time"
        )
    spared = (after - 1) // 2
    if spared < (before - 1) // 2:
        return (
            f"{after} of {before} control hosts are left: {spared or 'none'} of them may fail before the others lose"
            " their quorum (MariaDB, RabbitMQ)"
        )
    return None
