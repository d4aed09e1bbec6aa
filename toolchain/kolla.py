"""Kolla-Ansible, in an environment of its own: it and the program pin different versions of the same packages."""

from pathlib import Path

from toolchain import venv
from toolchain.places import Places

PROGRAMS = (
    "kolla-ansible",
    "kolla-genpwd",
    "kolla-mergepwd",
    "ansible",
    "ansible-config",
    "ansible-doc",
    "ansible-galaxy",
    "ansible-inventory",
    "ansible-playbook",
    "ansible-vault",
)


def install(places: Places) -> None:
    """Make the environment if its pins changed.

    Raises:
        toolchain.failure.Failure: pip failed.
    """
    pins = (places.kolla_requirements,)
    venv.make(places.kolla, pins, "Kolla", venv.shown(places.logs), finish=lambda _: link_programs(places))


def link_programs(places: Places) -> None:
    """Link the programs that people and the program call by name into a folder for PATH.

    The environment's own folder would put a second ``python`` and ``pip`` on PATH.
    """
    places.kolla_programs.mkdir()
    for name in PROGRAMS:
        (places.kolla_programs / name).symlink_to(Path("..") / "bin" / name)
