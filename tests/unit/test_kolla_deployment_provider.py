"""The deployment as a Pulumi resource: what its state says after hosts failed, left or were looked at."""

from pathlib import Path
from typing import Any

import pytest

from clients.errors import CloudError
from dynamic_providers.kolla_deployment import groups, kolla, provider, removal
from dynamic_providers.kolla_deployment.convergence import Result
from dynamic_providers.kolla_deployment.deployment import HEADER, KollaDeploymentArgs
from dynamic_providers.kolla_deployment.provider import KollaDeploymentOutputs, KollaDeploymentProvider
from tests.managed_hosts import inputs_of, managed_host, ssh_host

crud = KollaDeploymentProvider()
State = dict[str, Any]


def create(props: State) -> State:
    outs = crud.create(props).outs
    assert outs is not None
    return outs


def update(state: State, props: State) -> State:
    outs = crud.update("dev", state, props).outs
    assert outs is not None
    return outs


def read(state: State) -> State:
    outs = crud.read("dev", state).outs
    assert outs is not None
    return outs


class World:
    """What the fakes were asked for, and what they answer."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.failing: set[str] = set()
        self.stuck: dict[str, str] = {}
        self.staying: dict[str, set[str]] = {}
        self.files: set[str] = set()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    made = World()

    class FakeConvergence:
        skipped = frozenset({"bootstrap-servers"})

        def __init__(self, deployment, way, before) -> None:
            del way, before
            self.deployment = deployment

        def run(self) -> dict[str, Result]:
            made.did.append(f"converge {','.join(self.deployment.hosts)}")
            return {name: Result(ok=name not in made.failing, wanted="w") for name in self.deployment.hosts}

    def remove(self):
        made.did.append(f"remove {','.join(host.name for host in self.leaving)}")
        made.staying = dict(self.staying)
        made.files = {path.name for path in (tmp_path / "etc").rglob("*") if path.parent != tmp_path / "etc"}
        made.files = {name for name in made.files if "." in name}
        return made.stuck

    found = {"control": {"boss"}, "compute": {"one", "two"}, "baremetal": {"boss", "one", "two"}}
    monkeypatch.setattr(provider, "Convergence", FakeConvergence)
    monkeypatch.setattr(provider, "seen", lambda _, before, __: before)
    monkeypatch.setattr(removal.Removal, "run", remove)
    monkeypatch.setattr(kolla.Kolla, "groups", lambda _: found)
    monkeypatch.setattr(groups, "shipped", lambda _: "[baremetal:children]\ncontrol\n")
    return made


@pytest.fixture
def props(tmp_path: Path) -> dict[str, Any]:
    for folder in ("etc", "inv"):
        (tmp_path / folder).mkdir()
    for file in ("globals.yml", "passwords.yml"):
        (tmp_path / "etc" / file).write_text("---\n")
    rest = {"removal": "refuse", "osd_disks": []}
    hosts = {name: inputs_of(managed_host(ssh_host(name))) | rest for name in ("one", "two")}
    return {
        "stack": "dev",
        "hosts": hosts,
        "configdir": str(tmp_path / "etc"),
        "config_folder": str(tmp_path / "etc" / "config"),
        "inventory": str(tmp_path / "inv"),
        "steps": ["deploy"],
        "globals": "a: 1\n",
        "service_config": {"nova.conf": "[DEFAULT]\n"},
        "cloud": "admin",
    }


def test_no_output_has_an_inputs_name():
    assert not set(KollaDeploymentArgs.model_fields) & set(KollaDeploymentOutputs.model_fields)


def test_a_failed_host_leaves_the_others_in_state_and_is_tried_again_by_the_next_run(world, props):
    world.failing = {"two"}
    made = create(props)
    assert made["results"]["one"]["ok"]
    assert not made["results"]["two"]["ok"]
    assert crud.diff("dev", made, props).changes
    world.failing = set()
    updated = update(made, props)
    assert not crud.diff("dev", updated, props).changes


def test_nothing_but_a_host_ever_replaces_the_deployment(world, props):
    del world
    made = create(props)
    for change in ({"inventory": "/other"}, {"configdir": "/other"}, {"steps": ["pull"]}, {"stack": "prod"}):
        assert crud.diff("dev", made, props | change).changes
        assert crud.diff("dev", made, props | change).replaces == []


def test_a_host_that_left_is_removed_before_the_others_converge(world, props):
    made = create(props)
    left = props | {"hosts": {"one": props["hosts"]["one"]}}
    update(made, left)
    assert world.did[1:] == ["remove two", "converge one"]
    assert world.staying == {"boss": {"control"}, "one": {"compute"}}


def test_a_host_that_cannot_be_removed_stays_in_state(world, props):
    made = create(props)
    world.stuck = {"two": "two: instance vm-1 is on it"}
    with pytest.raises(CloudError, match=r"not every host could be removed.*vm-1 is on it"):
        update(made, props | {"hosts": {}})


def test_all_hosts_are_removed_with_the_deployment_and_then_its_files(world, props, tmp_path):
    made = create(props)
    crud.delete("dev", made)
    assert world.files == {"nova.conf", "private-cloud.yml"}, "while hosts are removed Kolla needs them"
    assert world.did[-1] == "remove one,two"
    assert sorted(path.name for path in (tmp_path / "etc").rglob("*.*")) == [
        ".private-cloud.lock", "globals.d", "globals.yml", "passwords.yml",
    ]  # fmt: skip
    assert list((tmp_path / "inv").iterdir()) == []


def test_the_files_are_as_declared_and_one_changed_by_hand_is_a_difference(world, props, tmp_path):
    del world
    made = create(props)
    variables = tmp_path / "etc" / "globals.d" / "private-cloud.yml"
    assert variables.read_text() == HEADER + "a: 1\n"
    assert (tmp_path / "etc" / "config" / "nova.conf").read_text() == "[DEFAULT]\n"
    found = read(made)
    assert not crud.diff("dev", found, props).changes
    variables.write_text("a: 2\n")
    found = read(made)
    assert found["drift"] == [f"{variables} was changed or removed"]
    assert crud.diff("dev", found, props).changes


def test_files_of_a_former_configdir_go_and_those_that_are_still_declared_stay(world, props, tmp_path):
    del world
    made = create(props)
    shared = [path for path in (tmp_path / "inv").iterdir() if path.is_file()]
    assert shared
    new = tmp_path / "new"
    new.mkdir()
    for file in ("globals.yml", "passwords.yml"):
        (new / file).write_text("---\n")
    changed = props | {"configdir": str(new), "config_folder": str(new / "config")}
    updated = update(made, changed)
    assert sorted(path.name for path in (tmp_path / "etc").rglob("*.*") if path.is_file()) == [
        ".private-cloud.lock", "globals.yml", "passwords.yml",
    ]  # fmt: skip
    assert [path for path in shared if not path.exists()] == []
    assert read(updated)["drift"] == []


@pytest.mark.parametrize("missing", ["globals.yml", "passwords.yml"])
def test_nothing_is_touched_without_the_operators_files(world, props, tmp_path, missing):
    (tmp_path / "etc" / missing).unlink()
    with pytest.raises(CloudError, match=f"{missing} cannot be read"):
        create(props)
    assert world.did == []
    assert list((tmp_path / "inv").iterdir()) == []
