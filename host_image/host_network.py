#!/usr/bin/python3
"""Make the host's network from one file: two links, their bond, the management port, the way to Neutron.

Usage: host-network [FILE], as root, with Open vSwitch running; FILE is /etc/private-cloud/network.json, which
the kickstart writes (components/hosts/kickstart.py):

    {"links": ["eno1", "eno2"], "bond_mode": "active-backup", "mtu": 1500, "datapath_type": "system",
     "management": {"vlan": 110, "address": "10.110.0.21/24", "gateway": "10.110.0.1"}, "vlans": [120, 130]}

It makes, and puts right what differs from the file (docs/adr/0014-open-vswitch-of-the-host.md says why):

    link 1 ─┐                                 ┌─ mgmt    internal port, tagged with the management VLAN
            ├─ bond0 ── br-link (standalone) ─┤
    link 2 ─┘  all VLANs, tagged              └─ patch ── br-ex (secure; Neutron's agent owns its flows)
                                                  only `vlans`, so that Neutron never reaches the management VLAN

It may run any number of times, also while traffic flows: it changes nothing that is right. It waits for the two
links, which a driver may still be finding, but not for ever: with one link the host is reachable, and says so.
It needs Python 3.9 and no package; OVS_RUNDIR is respected. Exit status: 0, or 1 with one sentence.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CONFIGURATION = "/etc/private-cloud/network.json"
LINK_BRIDGE, NEUTRON_BRIDGE = "br-link", "br-ex"
BOND, MANAGEMENT = "bond0", "mgmt"
TO_NEUTRON, TO_LINKS = "link-to-ex", "ex-to-link"
# Where Neutron's agent in Kolla's container looks for the database: ovsdb_port of Kolla's group variables.
MANAGER = "ptcp:6640:127.0.0.1"
LINKS_WITHIN = 30  # seconds; drivers of network cards have been seen to take ten
OPEN_VSWITCH_WITHIN = 20  # seconds for ovs-vswitchd to have done what was written into its database
# A switch raises its port's carrier before it forwards: a link that comes back is not used for so long, unless
# the other one is gone. Milliseconds.
UPDELAY = 5000


class NetworkError(Exception):
    """What kept the network from being made, as a sentence."""


def run(*command: str) -> str:
    """Run a program and return what it printed; what it complained of becomes the error."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise NetworkError(f"{command[0]} is not installed") from None
    if done.returncode:
        raise NetworkError(f"`{' '.join(command)}` failed: {done.stderr.strip() or done.returncode}")
    return done.stdout.strip()


def vsctl(*arguments: str) -> str:
    """Change Open vSwitch's database in one transaction, and wait until ovs-vswitchd has followed."""
    return run("ovs-vsctl", f"--timeout={OPEN_VSWITCH_WITHIN}", *arguments)


def configuration(path: Path) -> dict[str, Any]:
    """Read the file; the program that rendered it has checked its values."""
    try:
        read: dict[str, Any] = json.loads(path.read_text())
        if missing := {"links", "bond_mode", "management", "vlans", "mtu", "datapath_type"} - set(read):
            raise NetworkError(f"{path} lacks {', '.join(sorted(missing))}")
    except (OSError, ValueError) as problem:
        raise NetworkError(f"{path} cannot be read: {problem}") from None
    return read


def missing_links(links: list[str], within: float) -> list[str]:
    """Wait for LINKS, for WITHIN seconds at most; the one that has not come. Without any there is no network."""
    until = time.monotonic() + within
    while True:
        missing = [link for link in links if not Path("/sys/class/net", link).exists()]
        if not missing:
            return []
        if time.monotonic() > until:
            break
        time.sleep(0.5)
    if len(missing) == len(links):
        raise NetworkError(f"neither of the links {' and '.join(missing)} is there")
    return missing


def own_mac(address: str) -> str:
    """Return a MAC address of the management port that stays: one that changed at each boot would break ARP caches.

    It is locally administered, and follows from the address, which is unique in its VLAN.
    """
    digest = hashlib.sha256(address.encode()).hexdigest()
    return ":".join(["02", *(digest[at : at + 2] for at in range(0, 10, 2))])


def rows(table: str, *columns: str) -> list[list[Any]]:
    """Read columns of a table of Open vSwitch's database."""
    shown = vsctl("--format=json", f"--columns={','.join(columns)}", "list", table)
    found: list[list[Any]] = json.loads(shown)["data"]
    return found


def members_of_bond() -> list[str] | None:
    """Name the links that are in the bond now; None without a bond."""
    names = {uuid: name for (_, uuid), name in rows("Interface", "_uuid", "name")}
    for name, (kind, value) in rows("Port", "name", "interfaces"):
        if name == BOND:
            return sorted(names[uuid] for _, uuid in ([[kind, value]] if kind == "uuid" else value))
    return None


def switch(wanted: dict[str, Any]) -> None:
    """Put bridges, bond, ports and the patch between them into Open vSwitch."""
    links = list(wanted["links"])
    management = wanted["management"]
    datapath = f"datapath_type={wanted['datapath_type']}"
    neutrons = sorted(set(wanted["vlans"]) - {management["vlan"]})
    # A port without trunks would carry every VLAN: with none declared, the way to Neutron is a dead end.
    trunks = ",".join(str(vlan) for vlan in neutrons) or "4095"
    every = ",".join(str(vlan) for vlan in [management["vlan"], *neutrons])
    vsctl(
        *("--may-exist", "add-br", LINK_BRIDGE, "--", "set", "Bridge", LINK_BRIDGE, datapath),
        *("fail_mode=standalone", "--", "--may-exist", "add-br", NEUTRON_BRIDGE),
        *("--", "set", "Bridge", NEUTRON_BRIDGE, datapath, "fail_mode=secure"),
    )
    members = members_of_bond()
    bond: list[str] = []
    if members != sorted(links):
        bond += ["--", "--if-exists", "del-port", LINK_BRIDGE, BOND]
        for link in links:  # an installer or a person may have put it elsewhere
            bond += ["--", "--if-exists", "del-port", link]
        bond += ["--", "add-bond", LINK_BRIDGE, BOND, *links]
    vsctl(
        *bond,
        *("--", "set", "Port", BOND, f"bond_mode={wanted['bond_mode']}", f"trunks={every}", "lacp=off"),
        *("vlan_mode=trunk", f"bond_updelay={UPDELAY}", "other_config:bond-detect-mode=carrier"),
        *("--", "--may-exist", "add-port", LINK_BRIDGE, MANAGEMENT),
        *("--", "set", "Port", MANAGEMENT, f"tag={management['vlan']}", "vlan_mode=access"),
        *("--", "set", "Interface", MANAGEMENT, "type=internal", f"mtu_request={wanted['mtu']}"),
        f'mac="{own_mac(management["address"])}"',
        *("--", "--may-exist", "add-port", LINK_BRIDGE, TO_NEUTRON),
        *("--", "set", "Port", TO_NEUTRON, f"trunks={trunks}", "vlan_mode=trunk"),
        *("--", "set", "Interface", TO_NEUTRON, "type=patch", f"options:peer={TO_LINKS}"),
        *("--", "--may-exist", "add-port", NEUTRON_BRIDGE, TO_LINKS),
        *("--", "set", "Interface", TO_LINKS, "type=patch", f"options:peer={TO_NEUTRON}"),
    )
    if MANAGER not in vsctl("get-manager").split():
        manager = ("--id=@manager", "create", "Manager", f'target="{MANAGER}"')
        vsctl(*manager, "--", "add", "Open_vSwitch", ".", "manager_options", "@manager")


def addresses(wanted: dict[str, Any]) -> None:
    """Bring links and management port up, the links without addresses; give the port its address and its gateway, and take others away."""
    for link in wanted["links"]:
        if Path("/sys/class/net", link).exists():
            # A link of the bond that spoke for itself would do so past the bond, without a tag.
            run("ip", "address", "flush", "dev", link)
            own_ipv6 = Path("/proc/sys/net/ipv6/conf", link, "disable_ipv6")
            if own_ipv6.exists():
                own_ipv6.write_text("1")
            run("ip", "link", "set", "dev", link, "mtu", str(wanted["mtu"]), "up")
    management = wanted["management"]
    run("ip", "link", "set", "dev", MANAGEMENT, "up")
    run("ip", "address", "replace", management["address"], "dev", MANAGEMENT)
    for found in json.loads(run("ip", "-json", "address", "show", "dev", MANAGEMENT) or "[]"):
        for entry in found.get("addr_info", []):
            address = f"{entry['local']}/{entry['prefixlen']}"
            if entry.get("scope") == "global" and address != management["address"]:
                run("ip", "address", "del", address, "dev", MANAGEMENT)
    if gateway := management["gateway"]:
        family = "-6" if ":" in gateway else "-4"
        run("ip", family, "route", "replace", "default", "via", gateway, "dev", MANAGEMENT)


def main() -> int:
    """Make the network; the sentence that says why not goes to the journal."""
    try:
        wanted = configuration(Path(sys.argv[1] if len(sys.argv) > 1 else CONFIGURATION))
        missing = missing_links(wanted["links"], LINKS_WITHIN)
        switch(wanted)
        addresses(wanted)
    except NetworkError as problem:
        sys.stderr.write(f"host-network: {problem}\n")
        return 1
    for link in missing:
        sys.stderr.write(
            f"host-network: link {link} is not there; the bond has the other one only: "
            "once it is, run `systemctl restart host-network`\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
