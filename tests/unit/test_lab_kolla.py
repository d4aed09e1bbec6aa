"""What the lab makes for Kolla-Ansible: an operator's folder, and daemons only where there are hosts."""

import json
import re
from pathlib import Path

import pytest

from lab import secret
from lab.hosts import count
from lab.kolla import agents, configdir, plan
from lab.kolla.configdir import SSH_KEYS
from lab.settings import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A lab in a folder of its own, with keys as ssh-keygen would leave them."""
    found = Lab(root=tmp_path, address="127.0.0.7", links=tmp_path)
    found.link()
    for name in SSH_KEYS:
        key = configdir.key(found, name)
        key.parent.mkdir(exist_ok=True)
        key.write_text("PRIVATE\n")
        key.with_name(f"{name}.pub").write_text("ssh-ed25519 AAAA comment\n")
    return found


def test_the_operators_globals_name_this_labs_own_addresses(lab: Lab) -> None:
    text = configdir.files(lab, secret.load(lab))[0].text
    site = json.loads(text)
    assert site["docker_registry"] == "198.18.7.1:5005"
    assert site["database_address"] == "198.18.7.1"
    assert not re.search(r"198\.18\.(?!7\.)", text)


def test_no_password_of_the_operators_is_empty_and_the_file_is_the_owners_alone(lab: Lab) -> None:
    configdir.make(lab, secret.load(lab))
    path = configdir.folder(lab) / "passwords.yml"
    passwords = json.loads(path.read_text())
    assert passwords["nova_ssh_key"] == {"private_key": "PRIVATE\n", "public_key": "ssh-ed25519 AAAA"}
    assert all(passwords.values())
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_second_up_leaves_the_operators_files_as_they_are(lab: Lab) -> None:
    configdir.make(lab, secret.load(lab))
    assert not any(file.write() for file in configdir.files(lab, secret.load(lab)))


def test_without_hosts_nothing_of_kollas_runs(lab: Lab) -> None:
    assert plan.daemons(lab, secret.load(lab)) == ()


def test_with_hosts_what_they_need_listens_on_their_network_and_acts_for_each(lab: Lab) -> None:
    count.record(lab, 2)
    secrets = secret.load(lab)
    found = {daemon.name: daemon for daemon in plan.daemons(lab, secrets)}
    assert found["registry"].address == "198.18.7.1:5005"
    assert found["db-proxy"].address.startswith("198.18.7.1:")
    settings = json.loads(found[agents.NAME].files[0].text)
    assert [host["name"] for host in settings["hosts"]] == ["lab-host-1", "lab-host-2"]
    configurations = [file.text for file in found[agents.NAME].files if "lab-host-" in file.path.name]
    assert len(configurations) == 2
    for configuration in configurations:
        assert "[database]" not in configuration
        assert "FakeDriver" in configuration
