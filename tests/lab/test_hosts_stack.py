"""The stack of Pulumi.hosts.yaml as a whole: simulated hosts enrolled by the real Kolla-Ansible, monitored, and out again.

It is the one enrolment of the lab's tests, so they follow each other through the life of one stack, under watch all
the while: no secret of hosts is anywhere but where it is meant to be. The SSH key that reaches the hosts, New Relic's
license key, Kolla's passwords and the administrator's password are made for this run.

The images that Kolla deploys, and New Relic's agent, are fake images (tests/lab/test_kolla_lab.py says what they do not
prove); the services that Nova and Neutron see are the lab's fake agents', which act while Kolla's containers run.
"""

import base64
import json
import secrets
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from openstack.connection import Connection

from lab.kolla import configdir
from lab.settings import CHECKOUT, Lab
from tests.lab.canary_accounts import CanaryAccounts, canary_accounts
from tests.lab.canary_run import STACK, CanaryRun, canary_run
from tests.lab.leak_watch import ON_A_HOST
from tests.lab.secret_search import forms
from tests.lab.simulated_hosts import SimulatedHost, simulated_hosts
from toolchain.places import Places

__all__ = ["simulated_hosts"]

pytestmark = [
    pytest.mark.xdist_group(name="hosts"),
    pytest.mark.timeout(3600),  # an enrolment is one fixture
]

CONTROL, LEAVING = "lab-host-1", "lab-host-3"
STAYING = "lab-host-2"
"""A compute host beside the one that leaves: at night alone, as Ansible's time grows with every host."""
AUTHORIZED = "/home/kolla/.ssh/authorized_keys"
REFUSED = "New Relic license key that is refused"
AGENT = "/etc/newrelic-infra.yml"
# What Kolla's own playbooks do on hosts, such as `nova-manage cell_v2 map_cell0 --database_connection` and `openstack
# --os-password`: docs/state.md tells of it.
OF_KOLLA = "Kolla's "
# The patterns come by standard input: sudo logs arguments. The journal is read first, which knows no file's name.
SOUGHT = (
    "umask 077; cat > /run/sought; journalctl --no-pager | grep -cFf /run/sought; "
    "grep -rlsFf /run/sought /etc/newrelic-infra.yml /home /root /tmp /run/user /var/log /var/tmp; rm /run/sought"
)


@pytest.fixture(scope="module")
def names(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The hosts that are enrolled."""
    by_day = "not nightly" in request.config.option.markexpr
    return (CONTROL, LEAVING) if by_day else (CONTROL, STAYING, LEAVING)


@pytest.fixture(scope="module")
def hosts(simulated_hosts: list[SimulatedHost], names: tuple[str, ...]) -> list[SimulatedHost]:
    """The same, as tests reach them."""
    return [host for host in simulated_hosts if host.name in names]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("host-canary")


@pytest.fixture(scope="module")
def ssh_key(simulated_hosts: list[SimulatedHost], folder: Path) -> Iterator[Path]:
    """A key of the run's own, which the hosts let in while it lasts."""
    path = folder / "id_ed25519"
    mark = f"canary-{secrets.token_hex(4)}"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", mark, "-f", path], check=True)
    line = path.with_suffix(".pub").read_text(encoding="utf-8")
    for host in simulated_hosts:
        host.run(folder, f"cat >> {AUTHORIZED}", line)
    yield path
    for host in simulated_hosts:
        host.run(folder, f"sed -i '/{mark}/d' {AUTHORIZED}")


def private_part(key: Path) -> bytes:
    """The 32 bytes that make an Ed25519 key (PROTOCOL.key of OpenSSH: the secret is these, then the public half)."""
    lines = key.read_text(encoding="utf-8").splitlines()
    _, _, rest = base64.b64decode("".join(lines[1:-1])).partition((64).to_bytes(4, "big"))
    assert len(rest) >= 64
    return rest[:32]


def kolla_folder(lab: Lab, folder: Path) -> tuple[Path, dict[str, bytes]]:
    """Kolla's folder with passwords of the run's own, and these."""
    made = folder / "run" / "kolla"  # where the run keeps what is in it
    made.mkdir(parents=True)
    given = configdir.folder(lab)
    passwords = json.loads((given / "passwords.yml").read_text(encoding="utf-8"))
    own = {
        name: secrets.token_hex(16) if isinstance(value, str) else value for name, value in passwords.items()
    }
    (made / "globals.yml").write_text((given / "globals.yml").read_text(encoding="utf-8"), encoding="utf-8")
    (made / "passwords.yml").touch(mode=0o600)
    (made / "passwords.yml").write_text(json.dumps(own), encoding="utf-8")
    return made, {f"Kolla's {name}": value.encode() for name, value in own.items() if isinstance(value, str)}


def declared(
    lab: Lab, hosts: Sequence[SimulatedHost], accounts: CanaryAccounts, kolla: Path, key: Path
) -> dict[str, Any]:
    """The stack file's keys: Pulumi.hosts.yaml with these hosts, the run's own secrets and New Relic."""
    text = (CHECKOUT / "Pulumi.hosts.yaml").read_text(encoding="utf-8")
    keys: dict[str, Any] = yaml.safe_load(text)["config"]
    found = {host.name: host.address for host in hosts}
    keys["private-cloud:openstack"] = {"cloud": accounts.cloud}
    keys["private-cloud:management"] |= {"cidr": str(lab.host_network), "gateway": lab.machine_address}
    keys["private-cloud:kolla"] |= {
        "command": str(Places(CHECKOUT).kolla_programs / "kolla-ansible"),
        "configdir": str(kolla),
        "inventory": str(kolla / "inventory"),
        "kickstarts": str(kolla / "kickstarts"),
        "ssh": {"user": hosts[0].user, "private_key_file": str(key)},
    }
    keys["private-cloud:hosts"] = [
        # Other tests' networks and instances come to these hosts too, as to any.
        host | {"address": found[host["name"]], "removal": "drain"}
        for host in keys["private-cloud:hosts"]
        if host["name"] in found
    ]
    keys["private-cloud:monitoring"] = {"agent": "new-relic", "license_key": {"env": "LICENSE_KEY"}}
    return keys


def declare(run: CanaryRun, keys: dict[str, Any]) -> None:
    """Writes KEYS into the run's stack file."""
    file = run.program.file(STACK)
    text = yaml.safe_load(file.read_text(encoding="utf-8"))
    text["config"] = keys
    file.write_text(yaml.safe_dump(text, sort_keys=False), encoding="utf-8")


@pytest.fixture(scope="module")
def run(
    lab: Lab, administrator: Connection, hosts: list[SimulatedHost], ssh_key: Path, folder: Path
) -> Iterator[CanaryRun]:
    """The hosts enrolled; destroyed afterwards, whatever became of them."""
    kolla, passwords = kolla_folder(lab, folder)
    license_key, refused_key = secrets.token_hex(20), f"bad{secrets.token_hex(20)}"[:40]
    with canary_accounts(lab, administrator, folder / "secrets") as accounts:
        canaries = {
            "administrator's Keystone password": accounts.canaries["administrator's Keystone password"],
            "SSH key": private_part(ssh_key),
            "New Relic license key": license_key.encode(),
            REFUSED: refused_key.encode(),
            **passwords,
        }
        environment = {**accounts.environment, "LICENSE_KEY": license_key}
        meant = accounts.meant | {ssh_key, kolla / "passwords.yml"}
        with canary_run(lab, folder, environment, canaries, meant) as run:
            declare(run, declared(lab, hosts, accounts, kolla, ssh_key))
            run.pulumi("preview", "--json")
            run.pulumi("up", "--yes", "--skip-preview", "--diff", "--debug")
            yield run


def nothing_is_left_to_do(run: CanaryRun) -> None:
    run.pulumi("preview", "--refresh", "--diff", "--expect-no-changes")


def patterns(run: CanaryRun) -> str:
    """What grep looks for: every canary in each form that is text."""
    ways = [text for secret in run.canaries.values() for texts in forms(secret).values() for text in texts]
    return "".join(f"{text.decode()}\n" for text in ways if text.isascii() and b"\n" not in text)


def on(hosts: Sequence[SimulatedHost], name: str, folder: Path, command: str) -> str:
    """What a command prints on a host."""
    (host,) = (host for host in hosts if host.name == name)
    return host.run(folder, command).strip()


def test_every_host_is_enrolled_and_nothing_is_left_to_do(run: CanaryRun, names: tuple[str, ...]) -> None:
    outputs = json.loads(run.pulumi("stack", "output", "--json"))
    results = {name: host["result"] for name, host in outputs["hosts"].items()}
    assert results == dict.fromkeys(names, "enrolled")
    nothing_is_left_to_do(run)
    run.pulumi("stack", "export")


def test_nova_and_neutron_see_the_hosts(run: CanaryRun, names: tuple[str, ...], admin: Connection) -> None:
    assert run
    computes = {service.host: service.state for service in admin.compute.services(binary="nova-compute")}
    assert {computes[name] for name in names if name != CONTROL} == {"up"}
    alive = {(agent.host, agent.agent_type) for agent in admin.network.agents() if agent.is_alive}
    assert {(name, "Open vSwitch agent") for name in names} <= alive
    assert {(CONTROL, kind) for kind in ("DHCP agent", "L3 agent", "Metadata agent")} <= alive


def test_each_host_says_what_kolla_did_on_it(
    run: CanaryRun, hosts: list[SimulatedHost], tmp_path: Path
) -> None:
    assert run
    for host in hosts:
        marker = json.loads(host.run(tmp_path, "cat /etc/kolla/.private-cloud.json"))
        assert marker["steps"][:3] == ["prechecks", "pull", "deploy"]
    running = on(hosts, CONTROL, tmp_path, "docker ps --format '{{.Names}}'").split()
    assert {"nova_api", "neutron_server", "neutron_l3_agent"} <= set(running)


def test_on_the_hosts_a_secret_is_in_its_file_alone(
    run: CanaryRun, hosts: list[SimulatedHost], folder: Path
) -> None:
    """The first word is how many lines of the journal have one."""
    found = {host.name: host.run(folder, SOUGHT, patterns(run)).split() for host in hosts}
    assert found == {host.name: ["0", AGENT] for host in hosts}


@pytest.mark.nightly
def test_a_license_key_that_is_refused_fails_the_run(run: CanaryRun) -> None:
    refused = {"LICENSE_KEY": run.canaries[REFUSED].decode()}
    run.pulumi("up", "--yes", "--diff", fails=True, environment=refused)


def test_a_host_that_leaves_is_emptied_and_forgotten_by_all(
    run: CanaryRun, admin: Connection, simulated_hosts: list[SimulatedHost], folder: Path
) -> None:
    keys = yaml.safe_load(run.program.file(STACK).read_text(encoding="utf-8"))["config"]
    staying = [host for host in keys["private-cloud:hosts"] if host["name"] != LEAVING]
    declare(run, keys | {"private-cloud:hosts": staying})
    run.pulumi("up", "--yes", "--skip-preview", "--diff")
    assert LEAVING not in {service.host for service in admin.compute.services()}
    assert LEAVING not in {agent.host for agent in admin.network.agents()}
    assert not (run.kolla / "inventory" / f"host-{LEAVING}.yml").exists()
    left = on(
        simulated_hosts, LEAVING, folder, "docker ps -aq; docker volume ls -q; ls -A /etc/kolla || true"
    )
    assert not left
    nothing_is_left_to_do(run)


def test_no_secret_is_on_this_machine_but_where_it_is_meant_to_be(run: CanaryRun) -> None:
    """The last of the life: what was printed and kept is searched after the stack was destroyed."""
    run.pulumi("destroy", "--yes", "--skip-preview", "--diff")
    run.pulumi("stack", "history", "--json")
    messages = [
        str(find)
        for find in run.finds()
        if not (find.kind.startswith(OF_KOLLA) and find.where.startswith(ON_A_HOST))
    ]
    assert "\n".join(messages) == ""


def test_ansible_was_watched_and_its_logs_were_searched(run: CanaryRun) -> None:
    programs = {where.rpartition("/")[2].rpartition(" ")[2] for where in run.watch.places}
    assert {"pulumi", "ssh", "python"} <= programs or {"pulumi", "ssh", "python3"} <= programs
    assert list((CHECKOUT / ".cloud" / "log").rglob("*.log"))
    assert any(f"/inventory/host-{CONTROL}" in where for where in run.watch.places)
