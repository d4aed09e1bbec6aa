"""The ways in which people make servers anew; each makes its own, and only their recreation is measured."""

from __future__ import annotations

import json
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import yaml

from bench.engine.configuration import SOURCE
from bench.engine.run import Command
from bench.fleet.site import CLOUD, NAME, Site, fleet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from openstack.connection import Connection

WITHIN_S = 900


@contextmanager
def ours(site: Site, _conn: Connection, count: int) -> Iterator[Sequence[Command]]:
    """One fleet, with its default of a canary and two waves, and no bake."""
    site.up(fleets=[fleet(count, real=True)])
    try:
        site.declare(fleets=[fleet(count, real=True) | {"recreate": secrets.token_hex(4)}])
        yield [site.pulumi("up", "--yes", "--skip-preview")]
    finally:
        site.up()


@contextmanager
def servers(conn: Connection, count: int) -> Iterator[list[Any]]:
    """COUNT servers of nobody's; MiB and GiB as the fleet's."""
    network = conn.network.find_network(NAME, ignore_missing=False)
    made: list[Any] = []
    try:
        for number in range(1, count + 1):
            name = f"by-hand-{number:02d}"
            port = conn.network.create_port(network_id=network.id, name=name)
            server = conn.compute.create_server(
                name=name,
                image_id=conn.image.find_image(NAME, ignore_missing=False).id,
                flavor_id=conn.compute.find_flavor(f"{NAME}-real", ignore_missing=False).id,
                networks=[{"port": port.id}],
            )
            made.append((server, port))
        for server, _ in made:
            conn.compute.wait_for_server(server, wait=WITHIN_S)
        yield [server for server, _ in made]
    finally:
        for server, _ in made:
            conn.compute.delete_server(server)
        for server, port in made:
            conn.compute.wait_for_delete(server, wait=WITHIN_S)
            conn.network.delete_port(port)


@contextmanager
def cli(site: Site, conn: Connection, count: int) -> Iterator[Sequence[Command]]:
    """`openstack server rebuild --wait`, one after the other."""
    with servers(conn, count) as made:
        yield [
            Command(
                ("openstack", "--os-cloud", CLOUD, "server", "rebuild", "--wait", "--image", NAME, server.id),
                site.folder,
                site.environment,
            )
            for server in made
        ]


def ansible(python: Path) -> Callable[[Site, Connection, int], AbstractContextManager[Sequence[Command]]]:
    """The collection's own module in a loop, as its documentation shows it."""

    @contextmanager
    def way(site: Site, conn: Connection, count: int) -> Iterator[Sequence[Command]]:
        action = {
            "cloud": CLOUD,
            "action": "rebuild",
            "image": NAME,
            "name": "{{ item }}",
            "timeout": WITHIN_S,
            "wait": True,
        }
        with servers(conn, count) as made:
            task = {"openstack.cloud.server_action": action, "loop": [server.name for server in made]}
            play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [task]}
            book = site.folder / "rebuild.yml"
            book.write_text(yaml.safe_dump([play]), encoding="utf-8")
            words = ("ansible-playbook", "-e", f"ansible_python_interpreter={python}", str(book))
            yield [Command(words, site.folder, site.environment, ("failed=0",))]

    return way


def terraform(
    program: Path, provider: Path
) -> Callable[[Site, Connection, int], AbstractContextManager[Sequence[Command]]]:
    """`terraform apply -replace` of all servers at once, with its default of ten at a time; the ports stay."""

    @contextmanager
    def way(site: Site, _conn: Connection, count: int) -> Iterator[Sequence[Command]]:
        folder = site.folder / f"terraform-{secrets.token_hex(4)}"
        folder.mkdir()
        (folder / "main.tf.json").write_text(_configuration(count), encoding="utf-8")
        settings = folder / "terraform.rc"
        overrides = f'"{SOURCE}" = {json.dumps(str(provider.parent))}'
        settings.write_text(
            f"provider_installation {{\n  dev_overrides {{ {overrides} }}\n  direct {{}}\n}}\n"
        )
        environment = {
            **site.environment,
            "TF_CLI_CONFIG_FILE": str(settings),
            "CHECKPOINT_DISABLE": "1",
        }

        def command(*arguments: str) -> Command:
            words = (str(program), *arguments, "-auto-approve", "-no-color", "-input=false")
            return Command(words, folder, environment)

        try:
            command("apply").run()
            all_ = [f"-replace=openstack_compute_instance_v2.server[{number}]" for number in range(count)]
            yield [command("apply", *all_)]
        finally:
            command("destroy").run()

    return way


def _configuration(count: int) -> str:
    server = {
        "count": count,
        "name": "by-terraform-${count.index}",
        "image_id": "${data.openstack_images_image_v2.image.id}",
        "flavor_name": f"{NAME}-real",
        "network": [{"port": "${openstack_networking_port_v2.port[count.index].id}"}],
    }
    port = {
        "count": count,
        "name": "by-terraform-${count.index}",
        "network_id": "${data.openstack_networking_network_v2.network.id}",
    }
    return json.dumps(
        {
            "terraform": {"required_providers": {"openstack": {"source": SOURCE}}},
            "provider": {"openstack": {"cloud": CLOUD}},
            "data": {
                "openstack_images_image_v2": {"image": {"name": NAME}},
                "openstack_networking_network_v2": {"network": {"name": NAME}},
            },
            "resource": {
                "openstack_networking_port_v2": {"port": port},
                "openstack_compute_instance_v2": {"server": server},
            },
        }
    )
