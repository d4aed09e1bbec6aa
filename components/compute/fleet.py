"""Fleets: numbered servers on ports of their own."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial

import pulumi
import pulumi_openstack as openstack
from openstack.exceptions import SDKException

from clients.errors import CloudError
from clients.openstack import connect
from components.compute.flavor import Flavor
from components.compute.server_group import ProjectServerGroup
from components.identity.account import ServiceAccount
from components.identity.ids import Ids
from components.identity.project import Project
from components.network.provider_network import ProviderNetwork
from components.network.security_group import SecurityGroup
from components.storage.golden_image import GoldenImage
from config.fleet import FleetSpec
from config.resource_names import child_name, resource_name
from config.settings import Settings
from dynamic_providers.server_fleet import declared, strays
from dynamic_providers.server_fleet.nova import servers_of
from dynamic_providers.server_fleet.plan import described, plan
from dynamic_providers.server_fleet.provider import ServerFleet
from dynamic_providers.server_fleet.server import Server
from dynamic_providers.server_fleet.strays import port_description, stray_ports

BUILD_DIGEST = "build_digest"
"""The property of an image that says what the console of its servers calls it."""


@dataclass(frozen=True)
class Parts:
    """What a stack has that its fleets are made of, each by the name that a fleet gives it."""

    projects: Mapping[str, Project]
    accounts: Mapping[str, ServiceAccount]
    networks: Mapping[str, ProviderNetwork]
    security_groups: Mapping[str, SecurityGroup]
    flavors: Mapping[str, Flavor]
    server_groups: Mapping[str, ProjectServerGroup]
    images: Mapping[str, GoldenImage]


class Fleet(pulumi.ComponentResource):
    """A fleet.

    Makes one `openstack.networking.Port` for each member and network, which keeps the member's address, and one
    `ServerFleet` with all servers: only one resource can order canary, waves and rollback. The program itself reads
    Nova, at preview and again at `up`: what it finds to do with each member is an input of the `ServerFleet`, so that
    preview and report show it, and a server that somebody deleted or changed is put right by the next `up`.
    """

    summary: dict[str, pulumi.Output[str] | pulumi.Output[dict[str, str]]]
    """What the stack exports: servers and addresses by member, and known_hosts."""

    def __init__(
        self,
        name: str,
        spec: FleetSpec,
        *,
        settings: Settings,
        parts: Parts,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        name = resource_name(name)
        super().__init__("private-cloud:compute:Fleet", name, None, opts)
        self._spec, self._cloud = spec, settings.openstack.cloud
        self._owner = f"{pulumi.get_project()}/{pulumi.get_stack()}"
        project = parts.projects[spec.project_name]
        ports = {member: self._ports(name, member, project, parts) for member in spec.members}
        image = next(one for one in settings.images if one.name == spec.image)
        flavor = next(one for one in settings.flavors if one.name == spec.flavor)
        user_data = spec.user_data.text if spec.user_data else ""
        wanted = declared.Wanted(
            sha256=image.sha256,
            recreate=spec.recreate,
            user_data=declared.digest_of(user_data),
            flavor=declared.Flavor(
                name=flavor.name, vcpus=flavor.vcpus, ram_mb=flavor.ram_mb, disk_gb=flavor.disk_gb
            ),
            server_group=spec.server_group or "",
            metadata=spec.metadata,
        )
        group = parts.server_groups[f"{spec.project_name}/{spec.server_group}"] if spec.server_group else None
        credential = parts.accounts[spec.account.qualified_name].credentials["fleet"]
        fleet = ServerFleet(
            name,
            cloud=self._cloud,
            credential_id=credential.credential_id,
            credential_secret=credential.secret,
            project_id=project.project_id,
            owner_stack=self._owner,
            name=spec.name,
            wanted=wanted.model_dump(),
            members=[
                {"name": member, "port_ids": [port.id for port in own]} for member, own in ports.items()
            ],
            image_id=parts.images[spec.image].glance_id,
            build_digest=image.properties.get(BUILD_DIGEST, ""),
            flavor_id=parts.flavors[spec.flavor].flavor_id,
            server_group_id=group.group_id if group else "",
            user_data=user_data,
            update=spec.update.model_dump(mode="json"),
            probe=spec.probe.model_dump(mode="json", exclude_none=True),
            plan=pulumi.Output.from_input(self._planned(wanted, project.project_id, ports)),
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=spec.protected or None,
                depends_on=[project, parts.flavors[spec.flavor]],  # its quota, and who may use the flavor
            ),
        )
        pulumi.Output.all(fleet.failure, fleet.left).apply(partial(_refuse_failure, fleet))
        self.summary = {
            "servers": fleet.servers,
            "addresses": fleet.addresses,
            "known_hosts": fleet.known_hosts,
        }
        self.register_outputs({})

    def _ports(
        self, name: str, member: str, project: Project, parts: Parts
    ) -> list[openstack.networking.Port]:
        spec = self._spec
        groups = [parts.security_groups[f"{spec.project_name}/{group}"] for group in spec.security_groups]
        return [
            openstack.networking.Port(
                child_name(name, member, network),
                name=f"{member}-{network}",
                network_id=parts.networks[network].network_id,
                description=port_description(self._owner, spec.name),
                tenant_id=project.project_id,
                admin_state_up=True,
                security_group_ids=[group.group_id for group in groups] or None,
                opts=pulumi.ResourceOptions(
                    parent=self,
                    protect=spec.protected or None,
                    # Its quota, the subnets, and the groups' rules, which go after the ports that they hold for.
                    depends_on=[project, parts.networks[network], *groups],
                ),
            )
            for network in spec.networks
        ]

    async def _planned(
        self,
        wanted: declared.Wanted,
        project_id: pulumi.Output[str],
        ports: Mapping[str, list[openstack.networking.Port]],
    ) -> dict[str, str]:
        """What there is to do with each member; nothing where Nova cannot be asked."""
        known_project = await _known(project_id)
        known_ports = {member: [await _known(port.id) for port in own] for member, own in ports.items()}
        own = {port for ports in known_ports.values() for port in ports if port}
        try:
            if known_project is None:
                return described(plan(wanted, known_ports, []))
            servers, left_behind = await asyncio.to_thread(self._look, known_project, own)
        except (CloudError, SDKException) as error:
            pulumi.log.warn(
                f"fleet {self._spec.name}: what is to do with its servers is not known: {error}",
                resource=self,
            )
            return {}
        return described(plan(wanted, known_ports, servers)) | left_behind

    def _look(self, project_id: str, own_ports: Collection[str]) -> tuple[list[Server], dict[str, str]]:
        description = port_description(self._owner, self._spec.name)
        with connect(self._cloud) as admin:
            servers = servers_of(admin, project_id, self._owner, self._spec.name)
            return servers, strays.described(stray_ports(admin, project_id, description, own_ports))


def make_fleets(settings: Settings, parts: Parts, opts: pulumi.ResourceOptions) -> dict[str, Fleet]:
    """Makes the fleets of SETTINGS, by name."""
    return {
        spec.name: Fleet(spec.name, spec, settings=settings, parts=parts, opts=opts)
        for spec in settings.fleets
    }


def make_fleet_accounts(
    settings: Settings, ids: Ids, opts: pulumi.ResourceOptions
) -> dict[str, ServiceAccount]:
    """Makes the fleets' own accounts, by their qualified names."""
    accounts = [spec.account for spec in settings.fleets]
    return {
        spec.qualified_name: ServiceAccount(
            spec.qualified_name, spec, cloud=settings.openstack.cloud, ids=ids, opts=opts
        )
        for spec in accounts
    }


def _refuse_failure(fleet: ServerFleet, found: list[str]) -> None:
    failure, left = found
    if pulumi.runtime.is_dry_run():
        return
    if failure:
        raise pulumi.RunError(failure)
    if left:
        pulumi.log.warn(left, fleet)


async def _known(output: pulumi.Output[str]) -> str | None:
    """The value of OUTPUT, or None while it is of something yet to be made."""
    return await output.future() if await output.is_known() else None
