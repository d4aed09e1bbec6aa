"""Service accounts: their names, passwords, roles and application credentials."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationInfo

from clients.keystone.assignment import Place, ScopeKind
from clients.names import folded
from config.application_credential import ApplicationCredentialSpec, RoleNames
from config.errors.issues import invalid, nearest
from config.fields import Email, FormerName, Name, Note
from config.grant import DeclaredGrant
from config.secret import Secret, SecretText
from config.spec import Adoptable, Problems, Spec, checking

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
            raise invalid("a generated password has a serial from 1 and nothing else; give {generated: 1}")
        return Generated(serial)
    if isinstance(given, dict) and not {"file", "env"} & set(given):
        raise invalid(f"this is no password; give {_PASSWORD}")
    secret: SecretText = TypeAdapter(Secret).validate_python(given, context=info.context)
    return secret


class AccessSpec(Spec, replaced="project domain inherited"):
    """The roles of an account on one project or domain; all that it has there."""

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

    def declared(self, account: str) -> DeclaredGrant:
        """The roles of the account (NAME@DOMAIN) on this project or domain."""
        scope = f"{self.project}@{self.domain}" if self.project else self.domain
        kind: ScopeKind = "project" if self.project else "domain"
        return DeclaredGrant(Place("user", "", kind, "", self.inherited, account, scope), self.roles)

    def reaches(self, project: str, domain: str) -> bool:
        """Whether these roles count on that project: granted on it, or inherited from its domain."""
        if self.inherited:
            return self.project is None and self.domain == domain
        return (self.project, self.domain) == (project, domain)


class AccountSpec(Adoptable, nothing="adopt renamed_from", replaced="domain", renamed="name"):
    """A service account: a user of Keystone's own that this program makes."""

    name: Name = Field(description="the account's name, unique in its domain")
    renamed_from: FormerName = None
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

    @checking("access")
    def _each_scope_once(cls, access: tuple[AccessSpec, ...], _info: ValidationInfo) -> Problems:
        scopes = [folded(str(entry)) for entry in access]
        for index, scope in enumerate(scopes):
            if scope in scopes[:index]:
                yield (index,), f"there is access on {str(access[index])!r} already; list all roles there"

    @checking("application_credentials")
    def _within_the_access(
        cls, credentials: tuple[ApplicationCredentialSpec, ...], info: ValidationInfo
    ) -> Problems:
        names = [folded(credential.name) for credential in credentials]
        for index, credential in enumerate(credentials):
            if names[index] in names[:index]:
                yield (
                    (index, "name"),
                    (
                        f"there is a credential {credentials[names.index(names[index])].name!r} already, which is the same "
                        "name for Keystone; rename one"
                    ),
                )
            if "access" in info.data:
                yield from _check_access(index, credential, info.data["access"])

    def roles_on(self, project: str, domain: str) -> tuple[str, ...]:
        """The names of all roles that the account has on a project, inherited ones too."""
        return _roles_on(self.access, project, domain)


def _roles_on(access: tuple[AccessSpec, ...], project: str, domain: str) -> tuple[str, ...]:
    roles = [role for entry in access if entry.reaches(project, domain) for role in entry.roles]
    return tuple(dict.fromkeys(roles))


def _check_access(
    index: int, credential: ApplicationCredentialSpec, access: tuple[AccessSpec, ...]
) -> Problems:
    where = f"{credential.project}@{credential.domain}"
    there = _roles_on(access, credential.project, credential.domain)
    if not there:
        hint = nearest(where, (str(entry) for entry in access)) or "; add it to the account's access"
        yield (index, "project"), f"the account has no role on project {where!r}{hint}"
        return
    for number, role in enumerate(credential.roles):
        if role not in there:
            yield (
                (index, "roles", number),
                (
                    f"the account has not the role {role!r} on {where!r}, only {', '.join(there)}; add it to the "
                    "account's access there, also where another role implies it"
                ),
            )
