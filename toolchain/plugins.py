"""Resource plugins: the official ones where Pulumi's registry can be reached, else what can be built."""

import os
import shlex
import shutil
from pathlib import Path

from toolchain import golang, receipt, release
from toolchain.engine import place, staging
from toolchain.failure import Failure
from toolchain.pins import PLUGIN_SOURCES
from toolchain.places import Places
from toolchain.progress import run, say
from toolchain.receipt import Receipt

# Set it to an internal mirror of the plugin downloads: BASE/pulumi-resource-NAME-vX.Y.Z-linux-amd64.tar.gz
ADDRESS_VARIABLE = "TOOLCHAIN_PULUMI_PLUGINS"
ADDRESS = "https://get.pulumi.com/releases/plugins"
# Seconds that one plugin may take to download.
LIMIT = 600

OFFICIAL, BUILT, NONE = "official", "modules", ""


class Registry:
    """Pulumi's plugin downloads; asked once whether they can be reached."""

    def __init__(self) -> None:
        self.address = os.environ.get(ADDRESS_VARIABLE, ADDRESS).rstrip("/")
        self._closed: str | None = None
        self._checked = False

    def closed(self) -> str | None:
        """Return why plugins cannot be had from it, or None."""
        if not self._checked:
            self._closed, self._checked = release.reachable(self.address), True
        return self._closed

    def install(self, name: str, version: str, places: Places) -> str | None:
        """Have the engine install a plugin; return why that did not work, or None.

        Raises:
            Failure: what came is not what its publisher's checksum says.
        """
        closed = self.closed()
        if closed is not None:
            return closed
        command = [str(places.bin / "pulumi"), "plugin", "install", "resource", name, f"v{version}"]
        if self.address != ADDRESS:
            command += ["--server", self.address]
        settings = {**os.environ, "PULUMI_HOME": str(places.home), "PULUMI_SKIP_UPDATE_CHECK": "true"}
        try:
            run(
                command,
                f"plugin {name} {version}",
                places.logs / f"plugin-{name}.log",
                env=settings,
                limit=LIMIT,
            )
        except Failure as failure:
            if "checksum" in str(failure):
                raise
            return str(failure)
        return None


def program(name: str, version: str, places: Places) -> Path:
    """Return where the engine looks for a plugin."""
    return places.home / "plugins" / f"resource-{name}-v{version}" / f"pulumi-resource-{name}"


def install_openstack(version: str, registry: Registry, places: Places) -> Receipt:
    """Install the official OpenStack plugin, or this project's build of it.

    Raises:
        Failure: neither is possible.
    """
    written = places.receipts / "plugin-openstack.json"
    final = program("openstack", version, places)
    keys = {
        OFFICIAL: receipt.fingerprint(OFFICIAL, version, registry.address),
        BUILT: receipt.fingerprint(BUILT, version, registry.address, files=_sources()),
    }
    kept = receipt.read(written)
    if kept is not None and kept.way in keys and receipt.current(written, keys[kept.way]):
        way, why = kept.way, kept.why
        say(f"plugin openstack {version} kept ({why})")
    else:
        way, why = _install_program(version, registry, places)
        say(f"plugin openstack {version}, {why}")
    install_launcher(final, places)
    made = Receipt(keys[way], version, way, why, (str(final), str(itself(final))))
    if made != kept:
        made.write(written)
    return made


def _install_program(version: str, registry: Registry, places: Places) -> tuple[str, str]:
    """Install the official program, or build it; return which way, and why that one."""
    final = program("openstack", version, places)
    if not (final.exists() and itself(final).exists()):
        shutil.rmtree(final.parent, ignore_errors=True)  # where the folder is there, Pulumi installs nothing
    closed = registry.install("openstack", version, places)
    if closed is None:
        return OFFICIAL, f"from {registry.address}"
    say(f"no official plugin openstack: {closed}")
    go = golang.choose()
    with staging(places) as folder:
        made = folder / final.name
        program_of_go = golang.install(go, places)
        variable = f"main.version={version}"
        golang.build(program_of_go, PLUGIN_SOURCES, ".", variable, output=made, logs=places.logs)
        place(made, final)
    return BUILT, f"built from the Go module mirror with Go {go.version}, because {closed}"


def itself(plugin: Path) -> Path:
    """Return where the plugin's program is; in its own place is the launcher, which the engine starts."""
    return plugin.with_name(f"{plugin.name}-itself")


def install_launcher(plugin: Path, places: Places) -> None:
    """Move the plugin's program aside and put a launcher in its place, a script that starts clients.plugin_clouds.

    Both for an official plugin and for this project's build; docs/adr/0031-one-reader-of-clouds-yaml.md says why.
    A kill at any point leaves a plugin that works: the program is copied before the script replaces it.
    """
    settings = f"PYTHONPATH={shlex.quote(str(places.checkout))}"
    python = shlex.quote(str(places.venv / "bin" / "python"))
    script = (
        "#!/bin/sh\n# See toolchain/plugins.py.\n"
        f'{settings} exec {python} -P -W ignore -m clients.plugin_clouds {shlex.quote(str(itself(plugin)))} "$@"\n'
    ).encode()
    with plugin.open("rb") as file:
        there = file.read(len(script) + 1)
    half = plugin.with_suffix(".half")
    if not there.startswith(b"#!"):
        shutil.copy2(plugin, half)
        half.replace(itself(plugin))
    # The first secure.yaml that the plugin's own reader finds, so that it reads no other.
    plugin.with_name("secure.yaml").write_text("clouds: {}\n")
    if there != script:
        half.write_bytes(script)
        half.chmod(0o755)
        half.replace(plugin)


def _sources() -> list[Path]:
    return [path for path in PLUGIN_SOURCES.iterdir() if path.suffix in {".go", ".mod", ".sum", ".json"}]


def install_optional(name: str, version: str, registry: Registry, places: Places, *, retry: bool) -> Receipt:
    """Install a plugin if it can be had; if not, say so, and let only those stacks fail that use it."""
    written = places.receipts / f"plugin-{name}.json"
    key = receipt.fingerprint(name, version, registry.address)
    kept = receipt.current(written, key)
    if kept is not None and (kept.had or not retry):
        say(
            f"plugin {name} {version} kept"
            if kept.had
            else f"plugin {name} {version} is not here: {kept.why}"
        )
        return kept
    closed = registry.install(name, version, places)
    if closed is None:
        made = Receipt(
            key, version, OFFICIAL, f"from {registry.address}", (str(program(name, version, places)),)
        )
    else:
        made = Receipt(key, version, NONE, closed)
        say(f"plugin {name} {version} cannot be had, stacks that use it will say so: {closed}")
    made.write(written)
    return made


def remove_half_made(places: Places) -> None:
    """Remove what an installation that was killed left behind."""
    shutil.rmtree(places.staging, ignore_errors=True)
