"""Whether a host may be restarted now: the control plane keeps its quorum, and no instance runs there."""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor

from clients.containers import containers
from clients.enumeration import enumerated
from clients.errors import CloudError, InUseError
from clients.openstack import connect
from dynamic_providers.host_os.declared import HostOsArgs, HostOsHost
from dynamic_providers.kolla_deployment import nova_host

CONTROL_PLANE, INSTANCES = "control-plane", "instances"
_FEWEST_WITH_SPARE = 3  # of one or two control hosts none can go without the loss of the quorum
_AT_ONCE = 8
_SHOWN = 5
_AT_REST = frozenset({"SHUTOFF", "SHELVED", "SHELVED_OFFLOADED", "SUSPENDED", "SOFT_DELETED"})


def check(host: HostOsHost, inputs: HostOsArgs) -> None:
    """Raise where the host, one of those of INPUTS, must stay up now.

    Raises:
        InUseError: instances run there; they are named.
        CloudError: the control plane would lose its quorum.
    """
    if "control" in host.roles:
        control = [other for other in inputs.hosts if "control" in other.roles]
        _quorum(host, control, inputs.may_interrupt)
    if "compute" in host.roles and INSTANCES not in inputs.may_interrupt:
        with connect(inputs.cloud) as connection:
            running = [
                f"{instance.name} ({instance.id}, {instance.status})"
                for instance in nova_host.instances(connection, host.name)
                if instance.status not in _AT_REST
            ]
        if running:
            raise InUseError(
                f"host {host.name} is not restarted: on it run {enumerated(running[:_SHOWN], len(running))}; move them "
                f"to another host, or add {INSTANCES} to host_os.may_interrupt"
            )


def _quorum(host: HostOsHost, control: Sequence[HostOsHost], may_interrupt: Collection[str]) -> None:
    if len(control) < _FEWEST_WITH_SPARE:
        if CONTROL_PLANE in may_interrupt:
            return
        raise CloudError(
            f"host {host.name} is not restarted: with {len(control)} control host{'s' * (len(control) > 1)} the "
            f"control plane would be down meanwhile; add {CONTROL_PLANE} to host_os.may_interrupt if that is meant"
        )
    others = [other for other in control if other.name != host.name]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        ailing = [reason for reason in pool.map(_ailing, others) if reason]
    if ailing:
        raise CloudError(
            f"control host {host.name} is not restarted, because another one is not well and the quorum would be "
            f"at stake: {'; '.join(ailing)}. Mend that one first"
        )


def _ailing(host: HostOsHost) -> str:
    try:
        ailing = containers(host.ssh, host.container_engine).ailing
    except CloudError as error:
        return str(error)
    return f"on {host.name} {ailing}" if ailing else ""
