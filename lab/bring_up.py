"""`up` and `down`: the order in which the lab's parts start, in parallel where possible."""

from __future__ import annotations

import fcntl
import functools
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab import accounts, image, packages, preflight, secret
from lab.hosts import count, removal
from lab.hosts import plan as hosts
from lab.kolla import plan as kolla
from lab.qemu import plan as qemu
from lab.qemu.preflight import lacking
from lab.services import (
    ceph,
    cinder,
    glance,
    keystone,
    ldap,
    mariadb,
    memcached,
    neutron,
    nova,
    object_store,
    placement,
    rabbitmq,
)
from lab.settings import Lab, LabError, record_address
from lab.steps import Clock, Step, run
from lab.supervisor import STARTED, Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lab.daemon import Daemon


def all_daemons(lab: Lab, secrets: Mapping[str, str]) -> tuple[Daemon, ...]:
    """List every daemon of the lab, in the order `status` shows them."""
    return (
        *ceph.daemons(lab, secrets),
        *object_store.daemons(lab, secrets),
        *mariadb.daemons(lab),
        *memcached.daemons(lab),
        *rabbitmq.daemons(lab, secrets),
        *ldap.daemons(lab),
        *keystone.daemons(lab, secrets),
        *glance.daemons(lab, secrets),
        *neutron.daemons(lab, secrets),
        *placement.daemons(lab, secrets),
        *nova.daemons(lab, secrets),
        *cinder.daemons(lab, secrets),
        *hosts.daemons(lab, qemu.cabled(lab)),
        *qemu.daemons(lab, secrets),
        *kolla.daemons(lab, secrets),
    )


@contextmanager
def alone(lab: Lab) -> Iterator[None]:
    """Allow one up, down or reset at a time; a second one waits."""
    lab.folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(lab.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another `python -m lab` is at work on this lab; waiting for it.", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def once(lab: Lab, name: str, action: Callable[[], None]) -> Callable[[], None]:
    """Do something once for the installed versions; a marker file in the data records it."""
    marker = lab.data / f"{name}.made-with"

    def guarded() -> None:
        if marker.exists() and marker.read_text() == packages.key(lab):
            return
        action()
        marker.write_text(packages.key(lab))

    return guarded


def plan(lab: Lab, secrets: Mapping[str, str], supervisor: Supervisor) -> list[Step]:
    """List every step of `up` with what it needs; all are safe to repeat."""
    daemons = all_daemons(lab, secrets)
    by_name = {daemon.name: daemon for daemon in daemons}

    def start(name: str, *needs: str) -> Step:
        return Step(
            f"{name} runs", functools.partial(supervisor.ensure, by_name[name]), ("supervisor", *needs)
        )

    def tables(name: str, action: Callable[[], None]) -> Step:
        return Step(f"{name}'s tables", once(lab, f"{name}-tables", action), ("databases",))

    def of(function: Callable[[Lab, Mapping[str, str]], None]) -> Callable[[], None]:
        return functools.partial(function, lab, secrets)

    osds = {f"ceph-osd.{number}": number for number in ceph.osds(lab)}
    return [
        Step("supervisor", functools.partial(supervisor.start, daemons)),
        # The database first: the slow part, the services' tables, waits for it.
        Step("mariadb's data", functools.partial(mariadb.prepare, lab)),
        start("mariadb", "mariadb's data"),
        Step("databases", once(lab, "databases", of(mariadb.make_databases)), ("mariadb runs",)),
        Step("keystone's keys", of(keystone.make_keys)),
        tables("keystone", of(keystone.make_tables)),
        tables("nova", of(nova.make_tables)),
        tables("neutron", of(neutron.make_tables)),
        tables("cinder", of(cinder.make_tables)),
        tables("glance", of(glance.make_tables)),
        tables("placement", of(placement.make_tables)),
        Step(
            "keystone's first account",
            once(lab, "keystone-bootstrap", of(keystone.bootstrap)),
            ("keystone's tables", "keystone's keys"),
        ),
        start("memcached"),
        start("keystone", "keystone's tables", "keystone's keys", "memcached runs"),
        Step("accounts", of(accounts.ensure), ("keystone runs", "keystone's first account")),
        Step("ceph's configuration", of(ceph.write_configuration)),
        Step("ceph-mon's data", of(ceph.make_monitor), ("ceph's configuration",)),
        start("ceph-mon", "ceph-mon's data"),
        Step("ceph's keys", of(ceph.register_osds), ("ceph-mon runs",)),
        start("ceph-mgr", "ceph's keys"),
        *(
            Step(
                f"{name}'s data",
                functools.partial(ceph.make_osd, lab, secrets, number),
                ("ceph-mon's data",),
            )
            for name, number in osds.items()
        ),
        *(start(name, f"{name}'s data", "ceph's keys") for name in osds),
        Step(
            "ceph's pools",
            functools.partial(ceph.make_pools, lab),
            ("ceph-mgr runs", *(f"{n} runs" for n in osds)),
        ),
        Step("object store's pools", functools.partial(object_store.make_pools, lab), ("ceph's pools",)),
        start("radosgw", "object store's pools"),
        Step("object store's account", functools.partial(object_store.make_account, lab), ("radosgw runs",)),
        Step(
            "object store's bucket",
            functools.partial(object_store.make_bucket, lab),
            ("object store's account",),
        ),
        Step("rabbitmq's data", functools.partial(rabbitmq.prepare, lab)),
        start("rabbitmq", "rabbitmq's data"),
        start("glance", "glance's tables", "ceph's pools"),
        start("neutron", "neutron's tables", "rabbitmq runs"),
        start("neutron-rpc", "neutron's tables", "rabbitmq runs"),
        start("fake-neutron-agents", "neutron-rpc runs"),
        start("placement", "placement's tables"),
        # After the accounts: what Nova's programs find in the catalogue at first they do not ask for again.
        *(
            start(name, "nova's tables", "rabbitmq runs", "accounts")
            for name in ("nova", "nova-conductor", "nova-scheduler")
        ),
        start("nova-compute", "nova-conductor runs", "placement runs"),
        Step("nova's hosts", once(lab, "nova-hosts", of(nova.find_hosts)), ("nova-compute runs",)),
        start("cinder", "cinder's tables", "rabbitmq runs"),
        start("cinder-scheduler", "cinder's tables", "rabbitmq runs"),
        start("cinder-volume", "cinder's tables", "rabbitmq runs", "ceph's pools"),
        Step("volume type", functools.partial(cinder.make_volume_type, lab), ("cinder runs", "accounts")),
        Step("ldap's data", of(ldap.prepare)),
        start("slapd", "ldap's data"),
        Step("bootable image", functools.partial(image.ensure, lab)),
        *hosts.steps(lab, supervisor, qemu.cabled(lab)),
        *qemu.steps(lab, secrets, supervisor, once(lab, "nova-qemu-host", of(nova.find_hosts))),
        *kolla.steps(lab, secrets, supervisor),
    ]


def up(lab: Lab, clock: Clock, number: int | None = None) -> None:
    """Bring up what is not up; repair what is broken.

    Args:
        lab: The lab.
        clock: Says what is being done.
        number: How many simulated hosts there shall be from now on; None leaves them as they are.

    Raises:
        LabError: What a person has to know or do, before anything started or with the step that failed.
    """
    with alone(lab):
        missing = preflight.root() + preflight.installed(lab)
        if missing:
            raise LabError("\n".join(missing))
        lab.link()
        if number is not None:
            count.record(lab, number)
        secrets = secret.load(lab)
        supervisor = Supervisor(lab)
        supervisor.end_leftovers()  # they hold ports
        running = {n: s for n, s in supervisor.states().items() if s["statename"] in STARTED}
        preflight.check(lab, all_daemons(lab, secrets), running)
        record_address(lab)
        packages.link_programs(lab)
        accounts.clouds(lab, secrets).write()
        if sentence := lacking(lab):
            clock.say(sentence)
        run(plan(lab, secrets, supervisor), clock)


def add_osd(lab: Lab, number: int) -> None:
    """Have one of `EXTRA_OSDS` join the running cluster; it holds nothing until it gets a CRUSH weight."""
    with alone(lab):
        lab.link()
        secrets, supervisor = secret.load(lab), _running(lab)
        ceph.join_osd(lab, secrets, number)
        daemons = all_daemons(lab, secrets)
        supervisor.start(daemons)
        supervisor.ensure(next(daemon for daemon in daemons if daemon.name == f"ceph-osd.{number}"))


def remove_osd(lab: Lab, number: int) -> None:
    """Have one of `EXTRA_OSDS` leave the running cluster, whatever it holds."""
    with alone(lab):
        lab.link()
        secrets, supervisor = secret.load(lab), _running(lab)
        if f"ceph-osd.{number}" in supervisor.states():
            supervisor.stop(f"ceph-osd.{number}")
        ceph.forget_osd(lab, number)
        supervisor.start(all_daemons(lab, secrets))


def _running(lab: Lab) -> Supervisor:
    supervisor = Supervisor(lab)
    if not supervisor.answers():
        raise LabError("The lab is not up: run `python -m lab up`.")
    return supervisor


def reinstall(lab: Lab, name: str) -> None:
    """Have a simulated host as if it was just installed.

    Raises:
        LabError: There is no such host, or it does not come up.
    """
    with alone(lab):
        lab.link()
        hosts.reinstall(lab, Supervisor(lab), name)


def down(lab: Lab) -> bool:
    """Stop everything the lab started, and nothing else; say whether anything ran."""
    with alone(lab):
        if not (lab.folder / "run").exists():
            return False
        lab.link()
        ran = Supervisor(lab).shut_down()
        qemu.remove(lab)
        removal.remove(lab)
        lab.home.unlink()
        return ran
