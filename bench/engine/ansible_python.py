"""The Python that Ansible's modules run under, in an environment of its own; Ansible itself is Kolla's."""

from __future__ import annotations

from pathlib import Path

from toolchain import venv

REQUIREMENTS = Path(__file__).with_name("ansible-requirements.txt")


def install(folder: Path) -> Path:
    """Return its program, after making the environment in ``folder`` if its pins changed.

    Raises:
        toolchain.failure.Failure: pip failed.
    """
    venv.make(folder, (REQUIREMENTS,), "Ansible modules'", venv.shown(folder.parent), finish=lambda _: None)
    return folder / "bin" / "python"
