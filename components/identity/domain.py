"""Keystone's domains: those that this program makes, and those that are there already."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import pulumi
import pulumi_openstack as openstack

from clients.directory.login import DirectoryError, UnreachableError
from clients.directory.settings import Named
from components.identity.directory_renderings import domain_file, keystone_options, probe_settings
from components.identity.kolla_domain_file import KollaDomainFile
from components.identity.lookup import id_of
from config.directory import DirectorySpec
from config.identity import DomainSpec
from config.kolla import KollaSpec
from config.resource_names import resource_name
from dynamic_providers.keystone_domain_config.provider import KeystoneDomainConfig, KeystoneDomainConfigArgs
from program.resource_options import adopting, known_as, protecting
from program.secret_output import secret_output

if TYPE_CHECKING:
    from clients.directory.probe import Found


class Domain(pulumi.ComponentResource):
    """A Keystone domain.

    Makes one `openstack.identity.Project` with `is_domain`: Keystone keeps a domain as a project that acts
    as one, and the OpenStack provider has no other resource for it. Deleting disables it first, as Keystone
    asks. With `spec.directory`, also its `KeystoneDomainConfig` or `KollaDomainFile`: the program has looked
    through the directory before it asks for any of these, and nothing is made if a setting is wrong. PRINCIPALS are
    the users and groups of this domain that grants name; KOLLA delivers a directory whose spec says so.

    Raises:
        pulumi.RunError: a setting of the directory is wrong; the sentence says which.
    """

    domain_id: pulumi.Output[str]
    principals_domain_id: pulumi.Output[str]
    """The same, but not before its users and groups can be looked up."""

    def __init__(
        self,
        name: str,
        spec: DomainSpec,
        *,
        cloud: str,
        kolla: KollaSpec | None = None,
        principals: Sequence[Named] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        name, spelled = resource_name(name), name
        super().__init__("private-cloud:identity:Domain", name, None, known_as(opts, name, spelled))
        found = preflight(spec.name, spec.directory, principals, self) if spec.directory else None
        domain = openstack.identity.Project(
            name,
            name=spec.name,
            description=spec.description,
            is_domain=True,
            enabled=True,
            opts=protecting(adopting(pulumi.ResourceOptions(parent=self), spec), spec),
        )
        self.domain_id = self.principals_domain_id = domain.id
        if spec.directory and spec.directory.delivery == "api":
            config = KeystoneDomainConfig(
                name,
                KeystoneDomainConfigArgs(
                    domain=spec.name,
                    options=keystone_options(spec.directory),
                    adopt=spec.directory.adopt,
                    witness_kind=found.sample.kind if found else "user",
                    witness_name=found.sample.name if found else None,
                    cloud=cloud,
                ),
                domain_id=domain.id,
                password=secret_output(spec.directory.bind_password),
                opts=pulumi.ResourceOptions(parent=self),
            )
            # By the resource's id: unlike another output it is known in the preview of an update.
            self.principals_domain_id = config.id
        elif spec.directory and kolla:  # which load() asks for
            file = KollaDomainFile(
                name,
                domain=spec.name,
                text=secret_output(spec.directory.bind_password).apply(partial(domain_file, spec.directory)),
                kolla=kolla,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[domain]),
            )
            self.principals_domain_id = pulumi.Output.all(domain.id, file.file).apply(
                lambda both: str(both[0])
            )
        self.register_outputs({"domain_id": self.domain_id})


class ExistingDomain(pulumi.ComponentResource):
    """A domain that this program did not make and never changes: a look-up of its id by name."""

    domain_id: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-cloud:identity:ExistingDomain", name, None, opts)
        self.domain_id = id_of("domain", name, self)
        self.register_outputs({"domain_id": self.domain_id})


def preflight(
    domain: str, spec: DirectorySpec, names: Sequence[Named], resource: pulumi.Resource
) -> "Found | None":
    """What is in the directory SPEC of DOMAIN; None, with a warning, where it cannot be reached from here.

    NAMES are looked up in it. RESOURCE is the one that what is found is told of. Nothing is registered with the
    engine before the program's first await, so what is raised here comes before anything that is made.

    Raises:
        pulumi.RunError: a setting is wrong, or a name is nobody's or several entries'.
    """
    from clients.directory.probe import probe  # noqa: PLC0415 - python-ldap takes long to import

    names = tuple(dict.fromkeys(names))
    try:
        found = probe(probe_settings(spec), names)
    except UnreachableError as error:
        pulumi.log.warn(
            f"directory of domain {domain}: could not be reached from here ({error}): not checked", resource
        )
        return None
    except DirectoryError as error:
        where = "grants" if error.setting == "names" else f"domains.directory.{error.setting} ({domain})"
        sentence = error.sentence if error.sentence.endswith("?") else f"{error.sentence}."
        raise pulumi.RunError(
            f"{where}: {sentence} The directory of domain {domain!r} was asked; "
            "Keystone has been told nothing."
        ) from None
    for reason in found.unreachable:
        pulumi.log.warn(
            f"directory of domain {domain}: one address could not be reached from here ({reason})", resource
        )
    pulumi.log.info(described(domain, found, names), resource)
    return found


def described(domain: str, found: "Found", names: Sequence[Named]) -> str:
    """Return the line about what was found."""
    named = ", ".join(dict.fromkeys(named.name for named in names))
    verb = "is" if len(names) == 1 else "are"
    return (
        f"directory of domain {domain}: {found.users.of('user')} and {found.groups.of('group')}"
        f"{f'; {named} {verb} found' if named else ''}"
    )
