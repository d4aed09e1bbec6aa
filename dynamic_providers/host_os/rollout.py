"""All hosts brought to their images, one after another; the first failure stops it."""

import functools
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from clients import bootc, ssh
from clients.bootc import Deployment, Status
from clients.errors import CloudError
from clients.progress import log_line
from dynamic_providers.host_os import can_reboot, pending_upgrade
from dynamic_providers.host_os.declared import HostOsArgs, HostOsHost
from dynamic_providers.host_os.upgrade import is_there, upgrade_host

_AT_ONCE = 8  # looked at; only one is ever restarted


@dataclass(frozen=True)
class Found:
    """How a host was left.

    Attributes:
        ok: whether it has booted the image it should, and that is proved.
        image: what it has booted; None where it could not be asked.
        serial: of the host's spec, as far as it has come.
        untouched: whether it was left alone because another host had failed.
    """

    ok: bool
    image: str | None = None
    digest: str | None = None
    serial: int | None = None
    message: str | None = None
    untouched: bool = False


def roll_out(inputs: HostOsArgs, serials: Mapping[str, int]) -> dict[str, Found]:
    """Bring each host that names an image to it, in order.

    SERIALS are of each host, as far as it had come; a host that is missing is taken as it is.
    """
    named = [(host, host.image) for host in inputs.hosts if host.image]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        settled = list(pool.map(lambda one: _settled(one[0], one[1], serials), named))
    results: dict[str, Found] = {}
    failed: str | None = None
    waiting = settled.count(None)
    if waiting:
        log_line(
            f"{waiting} of {len(named)} hosts have not booted their image yet, or do not answer; one at a time now"
        )
    for (host, image), status in zip(named, settled, strict=True):
        name = host.name
        done = serials.get(name, host.serial)
        if status:
            results[name] = _found(status.booted, host.serial)
        elif failed:
            results[name] = _left(
                host, done, f"not touched, as the rollout stopped at host {failed}", untouched=True
            )
        else:
            may_restart = functools.partial(can_reboot.check, host, inputs)
            try:
                booted = upgrade_host(
                    host, image, inputs, fetch_again=done != host.serial, may_restart=may_restart
                )
                results[name] = _found(booted, host.serial)
                log_line(f"{name}: has booted {booted.image} and is well")
            except CloudError as error:
                failed = name
                log_line(f"{name}: {error}")
                results[name] = _left(host, done, str(error))
    return results


def look(hosts: Sequence[HostOsHost], known: Mapping[str, Found]) -> dict[str, Found]:
    """How each host that names an image is; nothing is changed.

    What is KNOWN of a host stays as it is where the host cannot be reached: that says nothing about its image.
    """
    named = [(host, host.image) for host in hosts if host.image]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(lambda one: _looked_at(one[0], one[1], known.get(one[0].name)), named)
        return {host.name: each for (host, _), each in zip(named, found, strict=True)}


def _settled(host: HostOsHost, image: str, serials: Mapping[str, int]) -> Status | None:
    """The status of a host that needs nothing; None for one that needs something, or does not answer."""
    if serials.get(host.name, host.serial) != host.serial:
        return None
    try:
        status = bootc.status(host.ssh)
        return status if is_there(status, image) and not pending_upgrade.read(host.ssh) else None
    except CloudError:
        return None  # said when its turn comes


def _looked_at(host: HostOsHost, image: str, known: Found | None) -> Found:
    serial = known.serial if known else host.serial
    try:
        status = bootc.status(host.ssh)
    except ssh.HostUnreachable as error:
        return known or Found(False, None, None, serial, str(error))
    if is_there(status, image):
        # What a run could not prove stays unproved.
        return known if known and known.image == status.booted.image else _found(status.booted, serial)
    line = "" if status.settled else f", and {status.next.image} is in line for its next boot"
    return _found(status.booted, serial, f"{host.ssh.where}: it has booted {status.booted.image}{line}")


def _found(booted: Deployment, serial: int | None, message: str | None = None) -> Found:
    return Found(message is None, booted.image, booted.digest, serial, message)


def _left(host: HostOsHost, serial: int, message: str, *, untouched: bool = False) -> Found:
    try:
        booted = bootc.status(host.ssh).booted
    except CloudError:
        return Found(False, serial=serial, message=message, untouched=untouched)
    return Found(False, booted.image, booted.digest, serial, message, untouched)
