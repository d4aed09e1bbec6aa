"""Fleets: servers on ports of their own, numbered, or one for each person with a volume that outlives it."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pulumi
import pulumi_openstack as openstack
from openstack.exceptions import SDKException

from clients.errors import CloudError
from clients.openstack import connect
from components.compute.flavor import Flavor
from components.compute.people import Owner, owners
from components.compute.server_group import ProjectServerGroup
from components.identity.account import ServiceAccount
from components.identity.ids import Ids, known
from components.identity.project import Project
from components.network.provider_network import ProviderNetwork
from components.network.security_group import SecurityGroup
from components.storage.golden_image import GoldenImage
from config.fleet import FleetSpec
from config.resource_names import child_name, resource_name
from config.settings import Settings
from dynamic_providers.application_credential.provider import ApplicationCredential
from dynamic_providers.server_fleet import declared, strays
from dynamic_providers.server_fleet.manners import Manners
from dynamic_providers.server_fleet.nova import identity, manners, servers_of
from dynamic_providers.server_fleet.plan import described, plan
from dynamic_providers.server_fleet.provider import ServerFleet
from dynamic_providers.server_fleet.server import MEMBER, Server
from dynamic_providers.server_fleet.strays import port_description, stray_ports
from dynamic_providers.server_fleet.user_data import digest_of
from program.openstack_provider import account_provider

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
        self._user_data = spec.user_data.text if spec.user_data else ""
        project = parts.projects[spec.project_name]
        people = {owner.person.machine: owner for owner in self._owners(settings)}
        ports = {member: self._ports(name, member, project, parts) for member in people or spec.members}
        credential = parts.accounts[spec.account.qualified_name].credentials["fleet"]
        homes = self._homes(name, people.values(), project, credential)
        image = next(one for one in settings.images if one.name == spec.image)
        flavor = next(one for one in settings.flavors if one.name == spec.flavor)
        members = [
            _member(member, [port.id for port in own], people.get(member), homes.get(member), self._user_data)
            for member, own in ports.items()
        ]
        wanted = declared.Wanted(
            sha256=image.sha256,
            recreate=spec.recreate,
            user_data=digest_of(self._user_data),
            flavor=declared.Flavor(
                name=flavor.name, vcpus=flavor.vcpus, ram_mb=flavor.ram_mb, disk_gb=flavor.disk_gb
            ),
            server_group=spec.server_group or "",
            metadata=spec.metadata,
        )
        group = parts.server_groups[f"{spec.project_name}/{spec.server_group}"] if spec.server_group else None
        fleet = ServerFleet(
            name,
            cloud=self._cloud,
            credential_id=credential.credential_id,
            credential_secret=credential.secret,
            project_id=project.project_id,
            owner_stack=self._owner,
            name=spec.name,
            wanted=wanted.model_dump(),
            members=members,
            image_id=parts.images[spec.image].glance_id,
            build_digest=image.properties.get(BUILD_DIGEST, ""),
            flavor_id=parts.flavors[spec.flavor].flavor_id,
            server_group_id=group.group_id if group else "",
            user_data=self._user_data,
            update=spec.update_mode.model_dump(mode="json", exclude_none=True),
            probe=spec.probe.model_dump(mode="json", exclude_none=True),
            plan=pulumi.Output.from_input(self._planned(wanted, project.project_id, members)),
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

    def _owners(self, settings: Settings) -> list[Owner]:
        spec = self._spec
        if not spec.people:
            return []
        directories = {domain.name: domain.directory for domain in settings.domains}

        def warn(sentence: str) -> None:
            pulumi.log.warn(f"fleet {spec.name}: {sentence}", self)

        return owners(spec, directories.get(spec.people_domain), self._cloud, self._owner, warn)

    def _homes(
        self, name: str, people: Iterable[Owner], project: Project, credential: ApplicationCredential
    ) -> dict[str, openstack.blockstorage.Volume]:
        """The volumes of PEOPLE by their machines, in the fleet's project: its own account makes them."""
        spec = self._spec
        if not spec.home_gb:
            return {}
        provider = account_provider(
            child_name(name, "account"), self._cloud, credential.credential_id, credential.secret, self
        )
        found = {}
        for person in (owner.person for owner in people):
            if person.left and not person.home:
                continue  # there never was one
            found[person.machine] = openstack.blockstorage.Volume(
                child_name(name, person.machine, "home"),
                name=f"{person.machine}-home",
                description=f"Home of {person.account}",
                size=spec.home_gb,
                enable_online_resize=True,
                metadata={
                    **identity(self._owner, spec.name),
                    MEMBER: person.machine,
                    **declared.Member(
                        name=person.machine,
                        port_ids=[],
                        owner=person.account,
                        left=person.left,
                        deletion=person.deletion,
                    ).metadata,
                },
                opts=pulumi.ResourceOptions(
                    parent=self,
                    provider=provider,
                    # What a killed run made is this one; what is in the state already is no import.
                    import_=person.home or None,
                    protect=person.deletion != declared.ANNOUNCED,
                    depends_on=[project],  # its quota
                ),
            )
        return found

    async def _planned(
        self,
        wanted: declared.Wanted,
        project_id: pulumi.Output[str],
        declared_members: list[dict[str, Any]],
    ) -> dict[str, str]:
        """What there is to do with each member; nothing where Nova cannot be asked."""
        known_project = await known(project_id)
        members = [
            declared.Member.model_validate(
                one
                | {"port_ids": [await known(port) for port in one["port_ids"]]}
                | ({"home": await known(one["home"]) or ""} if one["home"] is not None else {})
            )
            for one in declared_members
        ]
        own = {port for member in members for port in member.port_ids if port}
        try:
            if known_project is None:
                return described(plan(wanted, members, []))
            servers, left_behind, how = await asyncio.to_thread(self._look, known_project, own, wanted)
        except (CloudError, SDKException) as error:
            pulumi.log.warn(
                f"fleet {self._spec.name}: what is to do with its servers is not known: {error}",
                resource=self,
            )
            return {}
        return described(plan(wanted, members, servers, how)) | left_behind

    def _look(
        self, project_id: str, own_ports: Collection[str], wanted: declared.Wanted
    ) -> tuple[list[Server], dict[str, str], Manners]:
        spec = self._spec
        description = port_description(self._owner, spec.name)
        with connect(self._cloud) as admin:
            servers = servers_of(admin, project_id, self._owner, spec.name)
            left_behind = strays.described(stray_ports(admin, project_id, description, own_ports))
            how = manners(
                admin,
                spec.update_mode,
                self._owner,
                wanted.sha256,
                keep_days=spec.keep_days,
                user_data=self._user_data,
            )
            return servers, left_behind, how


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


def _member(
    name: str,
    port_ids: list[pulumi.Output[str]],
    owner: Owner | None,
    home: openstack.blockstorage.Volume | None,
    user_data: str,
) -> dict[str, Any]:
    """The input for a member; ids of ports and home may be known only later."""
    member = declared.Member(name=name, port_ids=[])
    if owner:
        person = owner.person
        member = declared.Member(
            name=name,
            port_ids=[],
            owner=person.account,
            left=person.left,
            deletion=person.deletion,
            keys=list(owner.keys),
            user_data=digest_of(user_data, owner.keys, home=home is not None),
            held=owner.held,
        )
    return member.model_dump() | {"port_ids": port_ids, "home": home.id if home else None}
