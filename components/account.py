"""Service accounts: users that this program makes, what they may do, and the logins of their machines."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import pulumi
import pulumi_openstack as openstack
from pydantic import BeforeValidator, Field, TypeAdapter, ValidationInfo, field_validator

from clients.names import folded
from components.annotated_types import Email, Name, Note
from components.application_credential import ApplicationCredentialSpec, RoleNames
from components.ids import Ids
from components.login_files import CredentialLogin, Login, PasswordLogin, cloud_entry, clouds_yaml, openrc
from components.lookup import id_of
from components.problems import Problem, Refusals, nearest, refusal
from components.resource_names import child_name, known_as, resource_name
from components.role_assignments import RoleAssignments, Where
from components.secret import Secret, SecretText
from components.spec import Adoptable, Effect, Spec, adopting
from components.undeclared_grants import DeclaredGrant
from dynamic_providers.application_credential import ApplicationCredential
from dynamic_providers.generated_password import GeneratedPassword, GeneratedPasswordArgs

if TYPE_CHECKING:
    from components.settings import Settings

_PASSWORD = (
    "{generated: 1}, {file: PATH}, {env: NAME}, or a value that `pulumi config set --secret --path` encrypted"  # noqa: S105 - a sentence
)


@dataclass(frozen=True)
class Generated:
    """A password that this program generates; another serial is another password."""

    serial: int


def _password(given: Any, info: ValidationInfo) -> Generated | SecretText:
    # No sentence here repeats what was given: it may be the secret.
    if isinstance(given, Generated):
        return given
    if isinstance(given, dict) and "generated" in given:
        serial = given["generated"]
        if len(given) > 1 or not isinstance(serial, int) or isinstance(serial, bool) or serial < 1:
            raise refusal("a generated password has a serial from 1 and nothing else; give {generated: 1}")
        return Generated(serial)
    if isinstance(given, dict) and not {"file", "env"} & set(given):
        raise refusal(f"this is no password; give {_PASSWORD}")
    secret: SecretText = TypeAdapter(Secret).validate_python(given, context=info.context)
    return secret


class AccessSpec(Spec):
    """The roles of an account on one project or domain; all that it has there."""

    effects: ClassVar[Mapping[str, Effect]] = {
        "project": Effect.REPLACED,
        "domain": Effect.REPLACED,
        "inherited": Effect.REPLACED,
    }

    roles: RoleNames = Field(min_length=1, description="a list of names of roles, such as [member]")
    project: Name | None = Field(None, description="the project; leave it out for the domain itself")
    domain: Name = Field(description="the project's domain, or the domain itself")
    inherited: bool = Field(
        default=False,
        description="true or false: whether the roles count in the projects below instead of there",
    )

    def __str__(self) -> str:
        """PROJECT@DOMAIN or the domain alone; names it among the account's."""
        scope = f"{self.project}@{self.domain}" if self.project else self.domain
        return f"{scope}/inherited" if self.inherited else scope

    def where(self, account: str) -> Where:
        """The account (NAME@DOMAIN) on this project or domain."""
        scope = f"{self.project}@{self.domain}" if self.project else self.domain
        return Where("user", account, "project" if self.project else "domain", scope, self.inherited)

    def reaches(self, project: str, domain: str) -> bool:
        """Whether these roles count on that project: granted on it, or inherited from its domain."""
        if self.inherited:
            return self.project is None and self.domain == domain
        return (self.project, self.domain) == (project, domain)


class AccountSpec(Adoptable):
    """A service account: a user of Keystone's own that this program makes."""

    effects: ClassVar[Mapping[str, Effect]] = {
        "adopt": Effect.NOTHING,
        "name": Effect.RENAMED,
        "renamed_from": Effect.NOTHING,
        "domain": Effect.REPLACED,
    }

    name: Name = Field(description="the account's name, unique in its domain")
    renamed_from: Name | None = Field(
        None, description="its former name, so that it is renamed and not made anew"
    )
    domain: Name = Field(description="the domain it is in, one whose users Keystone itself keeps")
    description: Note = Field("", description="free text")
    email: Email | None = Field(None, description="an address where its owner is reached")
    password: Annotated[Generated | SecretText, BeforeValidator(_password)] = Field(
        description="{generated: 1}, where another number makes another one, or a secret"
    )
    access: tuple[AccessSpec, ...] = Field(
        (), description="a list of {roles, project, domain}: all that the account may do"
    )
    application_credentials: tuple[ApplicationCredentialSpec, ...] = Field(
        (), description="a list of application credentials: the logins of machines"
    )

    @property
    def qualified_name(self) -> str:
        """NAME@DOMAIN: names it among all users of the cloud."""
        return f"{self.name}@{self.domain}"

    @field_validator("access")
    @classmethod
    def _each_scope_once(cls, access: tuple[AccessSpec, ...]) -> tuple[AccessSpec, ...]:
        refused = Refusals()
        scopes = [folded(str(entry)) for entry in access]
        for index, scope in enumerate(scopes):
            if scope in scopes[:index]:
                refused.add(
                    (index,), f"there is access on {str(access[index])!r} already; list all roles there"
                )
        refused.raise_if_any()
        return access

    @field_validator("application_credentials")
    @classmethod
    def _within_the_access(
        cls, credentials: tuple[ApplicationCredentialSpec, ...], info: ValidationInfo
    ) -> tuple[ApplicationCredentialSpec, ...]:
        refused = Refusals()
        names = [folded(credential.name) for credential in credentials]
        for index, credential in enumerate(credentials):
            if names[index] in names[:index]:
                refused.add(
                    (index, "name"),
                    f"there is a credential {credentials[names.index(names[index])].name!r} already, which is the same "
                    "name for Keystone; rename one",
                )
            if "access" in info.data:
                _check_access(refused, index, credential, info.data["access"])
        refused.raise_if_any()
        return credentials

    def roles_on(self, project: str, domain: str) -> tuple[str, ...]:
        """The names of all roles that the account has on a project, inherited ones too."""
        return _roles_on(self.access, project, domain)


def _roles_on(access: tuple[AccessSpec, ...], project: str, domain: str) -> tuple[str, ...]:
    roles = [role for entry in access if entry.reaches(project, domain) for role in entry.roles]
    return tuple(dict.fromkeys(roles))


def _check_access(
    refused: Refusals, index: int, credential: ApplicationCredentialSpec, access: tuple[AccessSpec, ...]
) -> None:
    where = f"{credential.project}@{credential.domain}"
    there = _roles_on(access, credential.project, credential.domain)
    if not there:
        hint = nearest(where, (str(entry) for entry in access)) or "; add it to the account's access"
        refused.add((index, "project"), f"the account has no role on project {where!r}{hint}")
        return
    for number, role in enumerate(credential.roles):
        if role not in there:
            refused.add(
                (index, "roles", number),
                f"the account has not the role {role!r} on {where!r}, only {', '.join(there)}; add it to the "
                "account's access there, also where another role implies it",
            )


def account_problems(settings: "Settings") -> Iterator[Problem]:
    """What an account cannot know of the rest of the stack file."""
    directories = {domain.name for domain in settings.domains if domain.directory}
    seen: dict[str, int] = {}
    for index, account in enumerate(settings.accounts):
        if account.domain in directories:
            yield Problem(
                ("accounts", index, "domain"),
                f"the users of domain {account.domain!r} come from its directory, where Keystone makes none; make "
                "the account in a domain of Keystone's own, such as 'Default', and give it access to the projects",
            )
        first = seen.setdefault(folded(account.qualified_name), index)
        if first != index:
            yield Problem(
                ("accounts", index),
                f"account {account.qualified_name!r} is declared already at accounts[{first}], as "
                f"{settings.accounts[first].qualified_name!r}: for Keystone, which ignores case and accents, they are "
                "one; rename or drop one",
            )
    for index, grant in enumerate(settings.grants):
        name = f"{grant.user.name}@{grant.user.domain}" if grant.user else ""
        if folded(name) in seen:
            yield Problem(
                ("grants", index, "user"),
                f"{name!r} is an account of this file; declare the role under "
                f"accounts[{seen[folded(name)]}].access, which lists all that the account may do",
            )


class ServiceAccount(pulumi.ComponentResource):
    """A service account, with all that it may do and every login of its machines.

    Makes one `openstack.identity.User`, a `GeneratedPassword` where that is asked for, one `RoleSet` for each
    project or domain it has access to, and after those one `ApplicationCredential` for each serial. What was
    granted otherwise on those projects and domains is removed.
    """

    user_id: pulumi.Output[str]
    summary: dict[str, pulumi.Input[str]]
    """What the stack exports: id, domain and domain_id."""
    declared_grants: list[DeclaredGrant]
    """What it gives, for authoritative projects."""
    login_files: dict[str, pulumi.Output[str]]
    """ACCOUNT/clouds.yaml and ACCOUNT/openrc, secret; none where there is nothing to log in to."""

    def __init__(
        self,
        name: str,
        spec: AccountSpec,
        *,
        cloud: str,
        ids: Ids,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        former = f"{spec.renamed_from}@{spec.domain}" if spec.renamed_from else None
        spelled, name = name, resource_name(name)
        super().__init__(
            "private-cloud:account:ServiceAccount", name, None, known_as(opts, name, spelled, former)
        )
        self._name, self._spec, self._cloud = name, spec, cloud
        child = pulumi.ResourceOptions(parent=self)
        self._password = (
            spec.password.output
            if isinstance(spec.password, SecretText)
            else GeneratedPassword(name, GeneratedPasswordArgs(serial=spec.password.serial), child).password
        )
        self._user = openstack.identity.User(
            name,
            name=spec.name,
            domain_id=ids.domains[spec.domain],
            description=spec.description,
            extra={"email": spec.email} if spec.email else None,
            password=self._password,
            enabled=True,
            # Nobody is there to change it: a serial or the stack file does.
            ignore_change_password_upon_first_use=True,
            ignore_password_expiry=True,
            opts=adopting(
                pulumi.ResourceOptions(
                    parent=self, replace_on_changes=["domainId"]
                ),  # Keystone moves no user
                spec,
            ),
        )
        self.user_id = self._user.id
        self._access = {
            access: RoleAssignments(
                access.where(spelled),
                access.roles,
                exact=True,
                cloud=cloud,
                principal_id=lambda _: self.user_id,
                scope_id=ids.of(access.project, access.domain),
                formerly=access.where(former) if former else None,
                opts=opts,
            )
            for access in spec.access
        }
        self.declared_grants = [grant for roles in self._access.values() for grant in roles.declared_grants]
        logins: dict[str, pulumi.Output[Login]] = {
            f"{spelled}/{credential.name}": self._credential_login(
                credential, ids.of(credential.project, credential.domain)
            )
            for credential in spec.application_credentials
        }
        logins |= {
            f"{spelled}/{access}": self._password_login(access)
            for access in spec.access
            if not access.inherited
        }
        self.login_files = {}
        if logins:
            known: pulumi.Output[dict[str, Login]] = pulumi.Output.secret(pulumi.Output.all(**logins))
            self.login_files[f"{spelled}/clouds.yaml"] = known.apply(
                lambda logins: clouds_yaml(cloud_entry(cloud), logins)
            )
            self.login_files[f"{spelled}/openrc"] = known.apply(
                lambda logins: openrc(cloud_entry(cloud), logins)
            )
        self.summary = {"id": self.user_id, "domain": spec.domain, "domain_id": self._user.domain_id}
        self.register_outputs({"user_id": self.user_id})

    def _credential_login(
        self, spec: ApplicationCredentialSpec, project_id: pulumi.Input[str]
    ) -> pulumi.Output[Login]:
        """Makes one credential for each serial; the login is the last one's."""
        if spec.expires and spec.expires <= datetime.now(UTC):
            pulumi.log.warn(
                f"application credential {spec.name!r} of {self._spec.qualified_name} has expired on {spec.expires.isoformat()}; "
                "give a later `expires`, or drop it",
                resource=self,
            )
        rests_on = [
            roles.role_set
            for access, roles in self._access.items()
            if access.reaches(spec.project, spec.domain)
        ]
        made = [
            ApplicationCredential(
                child_name(self._name, spec.name, serial),
                cloud=self._cloud,
                user_id=self.user_id,
                password=self._password,
                project_id=project_id,
                credential_name=f"{spec.name}-{serial}",
                roles=[
                    id_of("role", role, self)
                    for role in spec.roles or self._spec.roles_on(spec.project, spec.domain)
                ],
                access_rules=[rule.model_dump() for rule in spec.access_rules],
                expires_at=spec.expires.isoformat() if spec.expires else None,
                revision=pulumi.Output.all(*(roles.revision for roles in rests_on)).apply(sum),
                owner_stack=f"{pulumi.get_project()}/{pulumi.get_stack()}",
                opts=known_as(
                    pulumi.ResourceOptions(parent=self, depends_on=[self._user, *rests_on]),
                    child_name(self._name, spec.name, serial),
                    f"{self._name}/{spec.name}/{serial}",
                ),
            )
            for serial in spec.serials
        ]
        return pulumi.Output.all(made[-1].credential_id, made[-1].secret).apply(_as_login)

    def _password_login(self, access: AccessSpec) -> pulumi.Output[Login]:
        user = (self._spec.name, self._spec.domain)
        # After the user: a password that Keystone has not taken yet is handed out to nobody.
        return pulumi.Output.all(self._password, self.user_id).apply(
            lambda known: PasswordLogin(*user, known[0], access.project, access.domain)
        )


def _as_login(known: list[str]) -> Login:
    credential_id, secret = known
    return CredentialLogin(credential_id, secret)
