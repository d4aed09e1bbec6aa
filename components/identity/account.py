"""Service accounts: users that this program makes, what they may do, and the logins of their machines."""

from datetime import UTC, datetime

import pulumi
import pulumi_openstack as openstack

from components.identity.ids import Ids
from components.identity.login_files import (
    Login,
    cloud_entry,
    clouds_yaml,
    credential_login,
    openrc,
    password_login,
)
from components.identity.lookup import role_ids
from components.identity.role_assignments import RoleAssignments
from config.account import AccessSpec, AccountSpec
from config.application_credential import ApplicationCredentialSpec
from config.resource_names import child_name, resource_name
from config.secret import SecretText
from dynamic_providers.application_credential.provider import ApplicationCredential
from dynamic_providers.generated_password.provider import GeneratedPassword, GeneratedPasswordArgs
from program.resource_options import adopting, known_as
from program.secret_output import secret_output


class ServiceAccount(pulumi.ComponentResource):
    """A service account, with all that it may do and every login of its machines.

    Makes one `openstack.identity.User`, a `GeneratedPassword` where that is asked for, one `RoleSet` for each
    project or domain it has access to, and after those one `ApplicationCredential` for each serial. What was
    granted otherwise on those projects and domains is removed.
    """

    user_id: pulumi.Output[str]
    summary: dict[str, pulumi.Input[str]]
    """What the stack exports: id, domain and domain_id."""
    access: dict[AccessSpec, RoleAssignments]
    """Its roles, by where it has them."""
    credentials: dict[str, ApplicationCredential]
    """The one that is handed out of each application credential, by its name."""
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
            secret_output(spec.password)
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
        self.access = {
            access: RoleAssignments(
                access.declared(spelled),
                exact=True,
                cloud=cloud,
                principal_id=lambda _: self.user_id,
                scope_id=ids.of(access.project, access.domain),
                formerly=access.declared(former) if former else None,
                opts=opts,
            )
            for access in spec.access
        }
        self.credentials = {}
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
            for access, roles in self.access.items()
            if access.reaches(spec.project, spec.domain)
        ]
        made = [
            ApplicationCredential(
                child_name(self._name, spec.name, serial),
                cloud=self._cloud,
                user_id=self.user_id,
                password=self._password,
                project_id=project_id,
                name=f"{spec.name}-{serial}",
                roles=role_ids(spec.roles or self._spec.roles_on(spec.project, spec.domain), self),
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
        self.credentials[spec.name] = made[-1]
        return pulumi.Output.all(made[-1].credential_id, made[-1].secret).apply(
            lambda known: credential_login(*known)
        )

    def _password_login(self, access: AccessSpec) -> pulumi.Output[Login]:
        user = (self._spec.name, self._spec.domain)
        # After the user: a password that Keystone has not taken yet is handed out to nobody.
        return pulumi.Output.all(self._password, self.user_id).apply(
            lambda known: password_login(*user, known[0], access.project, access.domain)
        )
