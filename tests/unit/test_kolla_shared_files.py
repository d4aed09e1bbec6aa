"""What a deployment writes for all hosts, what it must not overwrite, and what it looks at before it starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clients.errors import CloudError
from dynamic_providers.kolla_deployment import configuration, groups, lock, shared_files
from dynamic_providers.kolla_deployment.deployment import KollaDeploymentArgs

MULTINODE = """\
# comment
[control]
control01
control[02:03]

[deployment]
localhost       ansible_connection=local

[baremetal:children]
control
# why
network

[nova-conductor:children]
control
"""


@pytest.fixture
def configdir(tmp_path: Path) -> Path:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "globals.yml").write_text("---\n")
    (folder / "passwords.yml").write_text(
        "a_password: hunter22\nb: [{key: 'line one\n\n  line two'}]\nc: x\nd:\n"
    )
    return folder


def test_kollas_groups_are_kept_and_its_example_hosts_are_not():
    assert groups.without_hosts(MULTINODE).split() == [
        "[control]", "[deployment]", *groups.LOCALHOST.split(),
        "[baremetal:children]", "control", "network", "[nova-conductor:children]", "control",
    ]  # fmt: skip


def test_the_groups_of_an_operators_own_inventory_count_instead(tmp_path):
    (tmp_path / "host-one.yml").write_text("baremetal:\n")
    assert groups.defined_elsewhere(tmp_path) is None
    (tmp_path / "multinode").write_text(MULTINODE)
    assert groups.defined_elsewhere(tmp_path) == tmp_path / "multinode"


def test_a_program_without_its_inventory_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(groups, "SYSTEM", ())
    with pytest.raises(CloudError, match="there is no program no-kolla: install Kolla-Ansible"):
        groups.shipped("no-kolla")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "kolla-ansible"
    program.touch(mode=0o755)
    with pytest.raises(CloudError, match="has no share/kolla-ansible/ansible/inventory/multinode beside it"):
        groups.shipped(str(program))


def test_an_inventory_that_is_a_file_is_refused(tmp_path, configdir):
    (tmp_path / "inv").touch()
    with pytest.raises(CloudError, match=r"is not a folder: give one as kolla\.inventory"):
        KollaDeploymentArgs(
            stack="dev", hosts={}, configdir=str(configdir), config_folder=str(configdir / "config"),
            inventory=str(tmp_path / "inv"), steps=["deploy"], cloud="admin",
        ).rendered()  # fmt: skip


def test_what_is_written_again_is_the_same_and_what_left_is_removed(configdir):
    one, two = configdir / "config" / "nova.conf", configdir / "globals.d" / "private-cloud.yml"
    shared_files.write(configdir, {one: "1", two: "2"})
    assert shared_files.differing({one: "1", two: "2"}) == []
    one.write_text("by hand")
    assert shared_files.differing({one: "1", two: "2"}) == [one]
    shared_files.write(configdir, {two: "3"})
    assert not one.exists()
    assert two.read_text() == "3"
    assert two.stat().st_mode & 0o777 == 0o644
    shared_files.remove(configdir)
    assert sorted(path.name for path in configdir.rglob("*") if path.is_file()) == [
        "globals.yml",
        "passwords.yml",
    ]


def test_a_file_of_the_operators_is_never_overwritten_and_nothing_else_is_either(configdir):
    theirs = configdir / "config" / "nova.conf"
    theirs.parent.mkdir()
    theirs.write_text("theirs")
    with pytest.raises(
        CloudError, match=r"nova\.conf is there and was not made by this program; move it away"
    ):
        shared_files.write(configdir, {configdir / "a": "ours", theirs: "ours"})
    assert theirs.read_text() == "theirs"
    assert not (configdir / "a").exists()


def test_a_run_that_was_killed_while_writing_knows_its_own_files(configdir, monkeypatch):
    path = configdir / "config" / "nova.conf"
    placed = Path.replace
    monkeypatch.setattr(
        Path, "replace", lambda new, to: sys.exit("killed") if to == path else placed(new, to)
    )
    with pytest.raises(SystemExit):
        shared_files.write(configdir, {path: "1"})
    monkeypatch.undo()
    path.write_text("half of it")
    shared_files.write(configdir, {path: "2"})
    assert path.read_text() == "2"


@pytest.mark.parametrize("name", ["globals.yml", "passwords.yml"])
def test_a_missing_file_of_the_operators_is_named_with_what_makes_it(configdir, name):
    configuration.require(configdir)
    (configdir / name).unlink()
    with pytest.raises(
        CloudError, match=rf"{name} cannot be read \(No such file or directory\): copy the one"
    ):
        configuration.require(configdir)


def test_a_missing_configdir_is_named(tmp_path):
    with pytest.raises(CloudError, match=r"there is no folder .*/none: make it"):
        configuration.require(tmp_path / "none")


def test_a_vault_needs_its_password_file(configdir, monkeypatch):
    monkeypatch.delenv(configuration.PASSWORD_FILE, raising=False)
    (configdir / "passwords.yml").write_text("$ANSIBLE_VAULT;1.1;AES256\n6162\n")
    with pytest.raises(CloudError, match="is an Ansible vault: set ANSIBLE_VAULT_PASSWORD_FILE"):
        configuration.require(configdir)
    monkeypatch.setenv(configuration.PASSWORD_FILE, str(configdir / "word"))
    with pytest.raises(
        CloudError, match=r"word cannot be read .*: it is what ANSIBLE_VAULT_PASSWORD_FILE names"
    ):
        configuration.require(configdir)
    (configdir / "word").write_text("open sesame")
    configuration.require(configdir)
    assert configuration.secrets(configdir) == []


def test_every_value_of_the_passwords_is_hidden(configdir):
    values = configuration.secrets(configdir)
    assert (
        configuration.hidden("with hunter22, line one and line two: x", values) == "with ***, *** and ***: x"
    )


def test_a_second_run_of_this_program_is_refused_and_named(configdir, tmp_path):
    with (
        lock.held(configdir, tmp_path),
        pytest.raises(CloudError, match=rf"another run of this program \(pid {os.getpid()}\) is deploying"),
        lock.held(configdir, tmp_path),
    ):
        pass
    with lock.held(configdir, tmp_path):
        pass


def test_what_a_killed_run_left_is_waited_for(configdir, tmp_path):
    ended = subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True, check=True).stdout
    (configdir / lock.NAME).write_text(ended)
    command = ["flock", str(configdir / lock.NAME), "sh", "-c", "echo; sleep 0.2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as lock_holder:
        assert lock_holder.stdout
        assert lock_holder.stdout.readline()
        with lock.held(configdir, tmp_path):
            assert lock_holder.wait(5) == 0


def test_somebodys_own_kolla_ansible_with_the_same_files_is_refused_and_named(configdir, tmp_path):
    (tmp_path / "inv").touch()
    command = ["bash", "-c", "exec -a kolla-ansible tail -f $0", f"{tmp_path}/inv"]
    with subprocess.Popen(command) as other:
        try:
            while Path(f"/proc/{other.pid}/cmdline").read_bytes().split(b"\0")[0] != b"kolla-ansible":
                pass
            expected = rf"kolla-ansible \(pid {other.pid}\) is running with"
            with pytest.raises(CloudError, match=expected), lock.held(configdir, tmp_path / "inv"):
                pass
            with lock.held(configdir, tmp_path / "another"):
                pass
        finally:
            other.kill()
