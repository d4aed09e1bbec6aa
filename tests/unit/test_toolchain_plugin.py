"""How the OpenStack plugin is installed: its program aside, and in its place a launcher, which is run here for real.

What stands in for the plugin's program is a shell. tests/lab/test_clouds_yaml.py runs the real one.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from toolchain import golang, plugins, receipt
from toolchain.places import Places
from toolchain.receipt import Receipt

VERSION = "5.5.3"
ROOT = Path(__file__).parents[2]


class OpenRegistry(plugins.Registry):
    """A registry that installs a shell as the plugin, and as Pulumi does, nothing where the plugin's folder is."""

    def __init__(self) -> None:
        super().__init__()
        self.requests = 0

    def install(self, name: str, version: str, places: Places) -> str | None:
        self.requests += 1
        plugin = plugins.program(name, version, places)
        if not plugin.parent.exists():
            plugin.parent.mkdir(parents=True)
            shutil.copy2("/bin/sh", plugin)
        return None


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A checkout whose path has a blank and a quote, with the program's own modules and environment."""
    checkout = tmp_path / "the cloud's"
    (checkout / ".cloud").mkdir(parents=True)
    (checkout / ".cloud" / "venv").symlink_to(sys.prefix)
    (checkout / "clients").symlink_to(ROOT / "clients")
    return Places(checkout)


@pytest.fixture
def plugin(places: Places) -> Path:
    return plugins.program("openstack", VERSION, places)


def install(places: Places, registry: plugins.Registry | None = None) -> Receipt:
    return plugins.install_openstack(VERSION, registry or OpenRegistry(), places)


def files(plugin: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mode) for path in sorted(plugin.parent.iterdir())}


def ask(plugin: Path, words: str, **variables: str) -> str:
    """What the plugin's program, a shell, says to WORDS when the engine starts the plugin."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    done = subprocess.run(
        [plugin, "-c", words], env={**environment, **variables}, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_program_gets_its_arguments_and_the_clouds_and_no_variable_of_another_cloud(
    places: Places, plugin: Path, tmp_path: Path
) -> None:
    install(places)
    auth = {"auth_url": "https://k.example/v3", "username": "u", "password": "p", "user_domain_name": "D"}
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text(yaml.safe_dump({"clouds": {"here": {"auth": auth}}}))
    variables = {"OS_CLIENT_CONFIG_FILE": str(clouds), "OS_CLOUD": "another", "OS_REGION_NAME": "Nowhere"}
    read = yaml.safe_load(ask(plugin, 'cat "$OS_CLIENT_CONFIG_FILE"', **variables))
    assert read["clouds"]["here"]["auth"] == auth
    names = ask(plugin, "env", **variables).splitlines()
    assert [name.partition("=")[0] for name in names if name.startswith("OS_")] == ["OS_CLIENT_CONFIG_FILE"]
    assert yaml.safe_load(ask(plugin, "cat secure.yaml", **variables)) == {"clouds": {}}


def test_a_second_run_asks_nobody_and_changes_nothing(places: Places, plugin: Path) -> None:
    registry = OpenRegistry()
    install(places, registry)
    before = files(plugin)
    install(places, registry)
    assert files(plugin) == before
    assert registry.requests == 1
    assert plugins.itself(plugin).read_bytes() == Path("/bin/sh").read_bytes()


def test_a_plugin_of_before_the_launcher_is_kept_and_put_behind_it(places: Places, plugin: Path) -> None:
    registry = OpenRegistry()
    registry.install("openstack", VERSION, places)
    key = receipt.fingerprint(plugins.OFFICIAL, VERSION, registry.address)
    written = places.receipts / "plugin-openstack.json"
    Receipt(key, VERSION, plugins.OFFICIAL, "from there", (str(plugin),)).write(written)
    install(places, registry)
    assert registry.requests == 1
    assert plugins.itself(plugin).read_bytes() == Path("/bin/sh").read_bytes()
    assert set(json.loads(written.read_text())["files"]) == {str(plugin), str(plugins.itself(plugin))}


def test_a_new_program_in_the_plugins_place_goes_behind_the_launcher(places: Places, plugin: Path) -> None:
    install(places)
    launcher = plugin.read_bytes()
    plugin.unlink()
    shutil.copy2("/bin/cat", plugin)  # as `pulumi plugin install --reinstall` and a new build do
    install(places)
    assert plugin.read_bytes() == launcher
    assert plugins.itself(plugin).read_bytes() == Path("/bin/cat").read_bytes()


def test_a_launcher_of_another_checkouts_path_is_written_anew_over_the_same_program(
    places: Places, plugin: Path
) -> None:
    install(places)
    launcher = plugin.read_bytes()
    plugin.write_bytes(b"#!/bin/sh\nexec /moved/since\n")
    install(places)
    assert plugin.read_bytes() == launcher
    assert plugins.itself(plugin).read_bytes() == Path("/bin/sh").read_bytes()


@pytest.mark.parametrize("missing", ["launcher", "program"])
def test_half_of_a_plugin_is_installed_anew(places: Places, plugin: Path, missing: str) -> None:
    registry = OpenRegistry()
    install(places, registry)
    before = files(plugin)
    (plugin if missing == "launcher" else plugins.itself(plugin)).unlink()
    install(places, registry)
    assert registry.requests == 2
    assert files(plugin) == before


def test_a_plugin_that_is_built_is_put_behind_the_launcher_too(
    places: Places, plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Closed(OpenRegistry):
        def install(self, name: str, version: str, places: Places) -> str | None:
            del name, version, places
            return "closed"

    def build(*_: object, output: Path, **__: object) -> None:
        shutil.copy2("/bin/sh", output)

    monkeypatch.setattr(golang, "choose", lambda: golang.Go("1.26.0", None, "Go 1.26.0"))
    monkeypatch.setattr(golang, "install", lambda *_: Path("go"))
    monkeypatch.setattr(golang, "build", build)
    assert install(places, Closed()).way == plugins.BUILT
    assert ask(plugin, "echo here") == "here\n"
