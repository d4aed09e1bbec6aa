"""Hosts: their place in Kolla's inventory, what Kolla makes of them, the system they boot, their monitoring."""

from collections.abc import Mapping
from typing import Any

from clients.enumeration import enumerated
from config.host import BareMetalHostSpec
from dynamic_providers.host_os.provider import HostOsProvider
from dynamic_providers.kolla_deployment.provider import KollaDeploymentProvider
from dynamic_providers.kolla_host.provider import KollaHostProvider
from dynamic_providers.monitoring_agent.provider import MonitoringAgentProvider
from operations.report.change import Change
from operations.report.dependents import Dependents
from operations.report.risk import Fact, NotKnown, Risk, Verdict
from operations.report.rules.rule import Rule, first_unknown, harmless, interrupts, summarized

_FOR_ALL = ("globals", "service_config", "steps", "inventory_vars", "config_folder", "configdir")
_NETWORK = ("links", "vlans", "network")


def hosts_of(inputs: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The hosts that INPUTS declare, by name: those of a deployment, of their OS images, or of their monitoring."""
    hosts = inputs.get("hosts") or {}
    if isinstance(hosts, list):
        return {str(host["ssh"]["name"]): host for host in hosts}
    return dict(hosts) if isinstance(hosts, dict) else {}


def deployed(change: Change) -> list[str]:
    """The hosts that Kolla-Ansible is run for: new or changed ones, or all."""
    before, after = hosts_of(change.old), hosts_of(change.new)
    if change.operation == "create" or any(key in change.changed for key in _FOR_ALL):
        return sorted(after)
    return sorted(
        name
        for name, host in after.items()
        if name not in before or _for_kolla(before[name]) != _for_kolla(host)
    )


def _for_kolla(host: Mapping[str, Any]) -> dict[str, Any]:
    """A host's inputs without how it is reached, and what its removal does."""
    own = {key: value for key, value in host.items() if key not in {"ssh", "removal"}}
    return own | {"address": address(host)}


def address(host: Mapping[str, Any]) -> str:
    """Where it is reached."""
    return str((host.get("ssh") or {}).get("address", ""))


def leaving(change: Change) -> list[str]:
    """The hosts that are undeployed."""
    return sorted(set(hosts_of(change.old)) - set(hosts_of(change.new)))


def _host_changes(change: Change, cloud: Dependents) -> Verdict:
    here = cloud.on_hosts([change.name])
    before, after = (set(side.get("osd_disks") or ()) for side in (change.old, change.new))
    if before - after:
        return Verdict(
            Risk.NEEDS_A_PERSON,
            f"{len(before - after)} of its OSD disks are declared no more. What is on them is Ceph's, and nobody "
            "here moves it: see that the OSDs are empty first.",
            (here,),
        )
    if any(key in change.changed for key in _NETWORK) or address(change.old) != address(change.new):
        return Verdict(
            Risk.INTERRUPTS,
            "The network of a host that runs is changed in place: what is on it may be cut off for moments, or until "
            "somebody goes there if the fabric is not as declared.",
            (here,),
        )
    if "roles" in change.changed:
        return Verdict(Risk.INTERRUPTS, "The host gets or loses roles: Kolla deploys it anew.", (here,))
    return Verdict(Risk.HARMLESS, "Only the files that Kolla reads of it change.", (here,))


def _host_goes(change: Change, cloud: Dependents) -> Verdict:
    here = cloud.on_hosts([change.name])
    if isinstance(here.count, NotKnown) or here.count:
        return Verdict(
            Risk.NEEDS_A_PERSON,
            f"The host leaves the inventory; instances on it: {here.count}. What becomes of them the deployment below "
            "says.",
            (here,),
        )
    return Verdict(Risk.INTERRUPTS, "The host leaves the inventory; it is not touched itself.", (here,))


def _deployment_changes(change: Change, cloud: Dependents) -> Verdict:
    going, run = leaving(change), deployed(change)
    if going:
        return _departure(change, cloud, going, run)
    before = hosts_of(change.old)
    running = [host for host in run if host in before]
    if running:
        return Verdict(
            Risk.INTERRUPTS,
            f"Kolla-Ansible runs for {_row(running)}, which work already: containers whose configuration differs are "
            "restarted, API requests fail for moments; instances run on.",
            (cloud.on_hosts(running), Fact.of("hosts", run)),
        )
    if run:
        return Verdict(
            Risk.HARMLESS,
            f"Kolla-Ansible runs for {_row(run)}; hosts that work already are left alone.",
            (Fact.of("hosts", run),),
        )
    return Verdict(Risk.HARMLESS, "No host needs Kolla-Ansible for this.")


def _departure(change: Change, cloud: Dependents, going: list[str], run: list[str]) -> Verdict:
    facts = (cloud.on_hosts(going), _osds(change, cloud, going), Fact.of("hosts", [*going, *run]))
    refusing = [host for host in going if hosts_of(change.old)[host].get("removal") != "drain"]
    used = [fact for fact in facts[:2] if not fact.is_none]
    if unknown := first_unknown(used):
        return Verdict(
            Risk.NEEDS_A_PERSON,
            f"{_row(going)} is undeployed, and whether something is on it is {unknown}.",
            facts,
        )
    if not facts[1].is_none or (used and refusing):
        what = "Its removal says refuse: " if refusing else "Data on its OSDs are not moved by a drain: "
        return Verdict(
            Risk.NEEDS_A_PERSON,
            f"{_row(going)} is undeployed, and {summarized(used)} on it. {what}the run stops there until somebody has seen "
            "to it.",
            facts,
        )
    how = "instances are moved away first, live where they run" if used else "nothing is on it"
    return Verdict(Risk.INTERRUPTS, f"{_row(going)} is undeployed; {how}.", facts)


def _osds(change: Change, cloud: Dependents, hosts: list[str]) -> Fact:
    user, conf = change.old.get("ceph_user"), change.old.get("ceph_conf")
    storage = [host for host in hosts if hosts_of(change.old)[host].get("osd_disks")]
    if not storage:
        return Fact("OSDs with data", 0)
    if not user:
        return Fact("OSDs with data", NotKnown("the stack file names no Ceph (kolla.ceph)"))
    found: list[str] = []
    for host in storage:
        osds = cloud.live.osds(str(user), str(conf) if conf else None, host)
        if isinstance(osds, NotKnown):
            return Fact("OSDs with data", osds)
        found += osds
    return Fact.of("OSDs with data", found)


def _deployment_goes(change: Change, cloud: Dependents) -> Verdict:
    hosts = sorted(hosts_of(change.old))
    return Verdict(
        Risk.LOSES_DATA,
        f"Every host of the stack is undeployed ({_row(hosts)}): OpenStack's services and what they keep on these hosts "
        "go.",
        (cloud.on_hosts(hosts), Fact.of("hosts", hosts)),
    )


def _os_changes(change: Change, cloud: Dependents) -> Verdict:
    before, after = hosts_of(change.old), hosts_of(change.new)
    booting = sorted(
        name
        for name, host in after.items()
        if host.get("image")
        and any(before.get(name, {}).get(key) != host.get(key) for key in ("image", "serial"))
    )
    if not booting:
        more = "; only how that would be done changes" if change.changed - {"hosts"} else ""
        return Verdict(Risk.HARMLESS, f"No host boots another image{more}.")
    waits = (
        " A host with instances is left alone until they are moved, as host_os.may_interrupt does not name them."
        if "instances" not in (change.new.get("may_interrupt") or ())
        else ""
    )
    return Verdict(
        Risk.INTERRUPTS,
        f"{_row(booting)} boot{'s' if len(booting) == 1 else ''} another image, one host at a time.{waits}",
        (cloud.on_hosts(booting), Fact.of("hosts", booting)),
    )


def _row(names: list[str]) -> str:
    most = 6
    return enumerated(names[:most], len(names))


HOST_RULES = {
    "pulumi-python:dynamic/kolla:KollaHost": Rule(
        "host",
        harmless("A new host: its kickstart is written, and its place in the inventory once it answers."),
        _host_changes,
        _host_goes,
        specs=(BareMetalHostSpec,),
        provider=KollaHostProvider,
    ),
    "pulumi-python:dynamic/kolla:KollaDeployment": Rule(
        "deployment of hosts",
        _deployment_changes,
        _deployment_changes,
        _deployment_goes,
        provider=KollaDeploymentProvider,
    ),
    "pulumi-python:dynamic/hosts:HostOs": Rule(
        "hosts' OS images",
        _os_changes,
        _os_changes,
        harmless("Every host keeps what it has booted."),
        provider=HostOsProvider,
    ),
    "pulumi-python:dynamic/hosts:MonitoringAgent": Rule(
        "monitoring agents",
        harmless("Hosts begin to be watched."),
        harmless("The agents are told anew what to send; nothing else notices."),
        interrupts("The hosts are watched no more: alarms that rest on it stay silent."),
        provider=MonitoringAgentProvider,
    ),
}
