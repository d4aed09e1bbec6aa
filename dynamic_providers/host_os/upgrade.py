"""One host brought to its image: put in line, restarted, proved, and rolled back where the proof fails.

A former image is put in line by `bootc switch` too: `bootc rollback` gives a host the /etc of that time again
(bootc-rollback(8)), right only for an image that has just failed. The proof does not see whether a database has caught up
with its cluster, beyond its container's own health check.
"""

import time
from collections.abc import Callable

from clients import bootc, ssh
from clients.bootc import Deployment, Status
from clients.containers import containers
from clients.errors import CloudError
from clients.progress import log_line
from clients.ssh import SshHost
from dynamic_providers.host_os import pending_upgrade, restart
from dynamic_providers.host_os.declared import HostOsArgs, HostOsHost
from dynamic_providers.host_os.pending_upgrade import PendingUpgrade

POLL_S = 5


def is_there(status: Status, wanted: str) -> bool:
    """Whether the wanted image is booted, and nothing else is in line."""
    return status.settled and status.booted.image == bootc.canonical(wanted)


def upgrade_host(
    host: HostOsHost, wanted: str, how: HostOsArgs, *, fetch_again: bool, may_restart: Callable[[], None]
) -> Deployment:
    """Bring the host to its image, the reference WANTED, from wherever a killed run has left it.

    With FETCH_AGAIN what the reference names by now is wanted also where it is booted already; MAY_RESTART raises where
    the host must not be restarted now.

    Raises:
        CloudError: the host is not there, whether rolled back or not; the sentence says how it was left.
    """
    restart.wait_for(host.ssh, how.wait)  # a killed run may have restarted it just now
    status = bootc.status(host.ssh)
    if fetch_again or not is_there(status, wanted):
        may_restart()
        status = _in_line(host.ssh, wanted, status, fetch_again=fetch_again)
        if not status.settled or not is_there(status, wanted):
            may_restart()  # fetching may have taken long
            status = _boot(host, wanted, status, how)
    pending = pending_upgrade.read(host.ssh)
    if pending and pending.image == bootc.canonical(wanted):
        _prove(host, pending, status, how)
    elif pending:
        pending_upgrade.end(host.ssh)  # of an image that is wanted no more
    return status.booted


def _in_line(host: SshHost, wanted: str, status: Status, *, fetch_again: bool) -> Status:
    """Have the next boot bring the wanted image."""
    image = bootc.canonical(wanted)
    if status.rollback_queued and status.next.image != image:
        bootc.rollback(host)  # a second one takes the first back
        status = bootc.status(host)
    if status.next.image != image:
        log_line(f"{host.name}: fetching {wanted}, to replace {status.booted.image}")
        bootc.switch(host, wanted)
        status = bootc.status(host)
    elif fetch_again:
        log_line(f"{host.name}: fetching what {wanted} names by now")
        bootc.upgrade(host)
        status = bootc.status(host)
    if status.next.image != image:
        raise CloudError(
            f"{host.where}: bootc took {wanted} and has {status.next.image} in line for the next boot; look at "
            "`bootc status` there, and whether something else on the host upgrades it"
        )
    return status


def _boot(host: HostOsHost, wanted: str, status: Status, how: HostOsArgs) -> Status:
    """Restart the host into what is in line."""
    expected = status.next
    pending_upgrade.begin(
        host.ssh, PendingUpgrade(bootc.canonical(wanted), containers(host.ssh, host.container_engine).well)
    )
    restart.restart(host.ssh, how.wait)
    status = bootc.status(host.ssh)
    if status.booted != expected:
        pending_upgrade.end(host.ssh)
        raise CloudError(
            f"{host.ssh.where} restarted and has booted {_described(status.booted)} instead of {_described(expected)}: its boot "
            "loader fell back, or somebody chose another image; look at its console"
        )
    return status


def _prove(host: HostOsHost, pending: PendingUpgrade, status: Status, how: HostOsArgs) -> None:
    """See what ran before run again; otherwise roll back."""
    log_line(f"{host.name}: has booted {status.booted.image}; waiting for its containers")
    ailing = _ailing(host, pending)
    deadline = time.monotonic() + how.wait
    while ailing and time.monotonic() < deadline:
        time.sleep(POLL_S)
        ailing = _ailing(host, pending)
    if not ailing:
        pending_upgrade.end(host.ssh)
        return
    failed = f"{host.ssh.where} has booted {_described(status.booted)}, and after {how.wait:.0f} s {ailing}"
    if how.on_failure == "stop":
        raise CloudError(f"{failed}; it was left so, as host_os.on_failure: stop says")
    if status.rollback is None:
        raise CloudError(f"{failed}; it was left so: it has no former image to roll back to")
    log_line(f"{host.name}: rolling back to {status.rollback.image}: {ailing}")
    bootc.rollback(host.ssh)
    restart.restart(host.ssh, how.wait)
    back = bootc.status(host.ssh).booted
    pending_upgrade.end(host.ssh)
    if back != status.rollback:
        raise CloudError(
            f"{failed}; the rollback was to bring {_described(status.rollback)}, and it booted {_described(back)}"
        )
    raise CloudError(
        f"{failed}; it was rolled back to {_described(back)}; mend the image, or declare another one"
    )


def _ailing(host: HostOsHost, pending: PendingUpgrade) -> str:
    try:
        found = containers(host.ssh, host.container_engine)
    except (ssh.HostUnreachable, ssh.HostKeyMismatch, ssh.LoginRefused):
        raise
    except CloudError as error:
        return f"its container engine is not up ({error})"
    missing = pending.containers - found.well
    return f"these containers are not as well as before: {found.describe(missing)}" if missing else ""


def _described(deployment: Deployment) -> str:
    return f"{deployment.image} ({deployment.digest[:19]}…)"
