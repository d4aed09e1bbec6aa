"""A host's file in the inventory, and what else in the folder speaks of it."""

from pathlib import Path

import pytest
import yaml

from clients.errors import CloudError
from dynamic_providers.kolla_host import inventory, made_files
from tests.managed_hosts import managed_host

VARIABLES = {"network_interface": "mgmt"}
KOLLA = str(Path(__file__).parents[2] / ".cloud" / "kolla" / "programs" / "kolla-ansible")


def entry(variables=VARIABLES, **labels):
    return inventory.text(managed_host(roles=("storage", "compute"), labels=labels), variables)


def test_the_host_is_in_each_of_its_groups_and_has_its_variables_once():
    groups = yaml.safe_load(entry(rack="1"))
    assert list(groups) == ["all", "compute", "storage"]
    assert groups["compute"]["hosts"] == groups["storage"]["hosts"] == {"compute-1": {}}
    variables = groups["all"]["hosts"]["compute-1"]
    assert variables["ansible_host"] == "10.0.0.21"
    assert variables["network_interface"] == "mgmt"
    assert variables["private_cloud_labels"] == {"rack": "1"}
    assert "StrictHostKeyChecking=yes" in variables["ansible_ssh_common_args"]
    assert '"/inv/.known_hosts.d/compute-1"' in variables["ansible_ssh_common_args"]


def test_declared_variables_win():
    groups = yaml.safe_load(entry(variables={"ansible_python_interpreter": "/opt/python"}))
    assert groups["all"]["hosts"]["compute-1"]["ansible_python_interpreter"] == "/opt/python"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("multinode", "[control]\nboss\n\n[compute]\ncompute-1 ansible_host=10.9.9.9\n"),
        ("multinode.ini", "[compute]\ncompute-[1:3]\n"),
        ("more.yml", "compute: {hosts: {compute-1: {secret: !vault x}}}\n"),
        ("more.yaml", "all: {children: {compute: {children: {deep: {hosts: {'compute-[1:9]': null}}}}}}\n"),
        ("folder/hosts", "compute-1\n"),
        ("json.json", '{"all": {"hosts": {"compute-1": {}}}}'),
    ],
)
def test_another_file_that_defines_the_host_is_named(tmp_path, file, text):
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CloudError, match=f"host compute-1 is in ({path}|a file of {tmp_path}) too"):
        inventory.require_free(tmp_path, "compute-1", "10.0.0.21", KOLLA)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("host-compute-1.yml", "all: {hosts: {compute-1: {}}}\n"),  # its own
        (
            "multinode",
            "[compute]\n# compute-1\ncompute-[2:9]\ncompute-10\n[compute:vars]\ncompute-1=x\n[all:children]\ncompute-1\n",
        ),
        ("group_vars/all", "compute-1\n"),
        (".known_hosts.d/compute-1", "10.0.0.21 ssh-ed25519 AAAA\n"),
        ("compute.yml", "compute: {vars: {hosts: {compute-1: {}}}}\n"),
        ("old.bak", "compute-1\n"),
        ("script", "#!/bin/sh\necho compute-1\n"),
        ("broken.yml", "{compute-1\n"),
    ],
)
def test_what_ansible_takes_for_no_such_host_is_no_trouble(tmp_path, file, text):
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    inventory.require_free(tmp_path, "compute-1", "10.0.0.21", KOLLA)


def test_a_renamed_host_is_known_by_its_address(tmp_path):
    made_files.write(inventory.file_of(tmp_path, "compute-1"), entry())
    with pytest.raises(
        CloudError, match=r"belongs to host compute-1 in .*host-compute-1.yml; was it renamed"
    ):
        inventory.require_free(tmp_path, "compute-9", "10.0.0.21", KOLLA)


def test_a_host_that_is_called_by_its_address_is_known_too(tmp_path):
    (tmp_path / "multinode").write_text("[compute]\n10.0.0.21\n", encoding="utf-8")
    with pytest.raises(
        CloudError, match=r"address 10\.0\.0\.21 .* belongs to host 10\.0\.0\.21 in .*multinode"
    ):
        inventory.require_free(tmp_path, "compute-1", "10.0.0.21", KOLLA)


def test_an_inventory_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "multinode").write_text("[control]\n", encoding="utf-8")
    with pytest.raises(CloudError, match=r"multinode is a file.*has to be a folder"):
        inventory.require_free(tmp_path / "multinode", "compute-1", "10.0.0.21", KOLLA)


def test_a_file_is_written_whole_for_everybody_to_read(tmp_path):
    path = tmp_path / "new" / "host-a.yml"
    made_files.write(path, "a\n")
    assert path.read_text(encoding="utf-8") == f"{made_files.MARKER}\na\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert [each.name for each in path.parent.iterdir()] == ["host-a.yml"]


def test_a_run_killed_while_it_wrote_leaves_what_the_next_one_writes_over(tmp_path):
    path = tmp_path / "host-a.yml"
    (tmp_path / ".host-a.yml.new").write_text("hal", encoding="utf-8")
    made_files.write(path, "a\n")
    assert [each.name for each in tmp_path.iterdir()] == ["host-a.yml"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(CloudError, match=r"host-a\.yml cannot be written \("):
        made_files.write(tmp_path / "file" / "host-a.yml", "")


def test_somebody_else_s_file_is_refused_and_never_removed(tmp_path):
    path = tmp_path / "host-a.yml"
    path.write_text("mine: {}\n", encoding="utf-8")
    with pytest.raises(CloudError, match=r"host-a.yml is there and was not made by this program"):
        made_files.require_ours(path)
    assert not made_files.remove(path)
    assert path.exists()


def test_removing_what_is_gone_is_success(tmp_path):
    made_files.write(tmp_path / "a", "")
    assert made_files.remove(tmp_path / "a")
    assert made_files.remove(tmp_path / "a")


def test_an_edit_is_told_from_a_loss(tmp_path):
    path = tmp_path / "a"
    made_files.write(path, "x\n")
    assert made_files.differs(path, "x\n") is None
    path.write_text(f"{made_files.MARKER}\ny\n", encoding="utf-8")
    assert made_files.differs(path, "x\n") == f"{path} was edited by hand"
    path.unlink()
    assert made_files.differs(path, "x\n") == f"{path} is gone"
