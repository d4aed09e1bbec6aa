"""The CRUD of an application credential."""

from datetime import datetime
from typing import Literal

import pulumi
from pydantic import BaseModel, ConfigDict, Field

from clients import openstack
from dynamic_providers.application_credential import credentials
from dynamic_providers.base import DynamicProvider, DynamicResource, Inputs, Outputs, ResourceState


class AccessRule(BaseModel):
    """One kind of request that a credential may be used for.

    Attributes:
        service: type of the service in the catalogue, such as image.
        method: of the request.
        path: of the request, from the service's address on; * and ** stand for parts of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: str = Field(min_length=1)
    method: Literal["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"]
    path: str = Field(pattern="^/", max_length=225)


class ApplicationCredentialArgs(Inputs):
    """What an application credential declares.

    Attributes:
        cloud: entry of clouds.yaml with an administrator's login, and where the cloud is.
        user_id: of the account, which makes it itself.
        password: of the account. Counts when it is made only.
        project_id: what it gives access to.
        name: unique among the account's credentials.
        roles: ids of the roles it is limited to, sorted; with those that they imply.
        access_rules: the requests it is limited to; empty for no limit.
        expires_at: ISO 8601 with time zone; left out, it does not expire.
        revision: of the account's roles on the project: with other roles it is made anew.
        owner_stack: ``project/stack``: whose it is.
    """

    model_config = ConfigDict(hide_input_in_errors=True)  # one is the password

    cloud: str = Field(min_length=1)
    user_id: str = Field(min_length=1)
    password: str = Field(min_length=1, repr=False)
    project_id: str = Field(min_length=1)
    name: str = Field(min_length=1, max_length=255)
    roles: list[str] = Field(min_length=1)
    access_rules: list[AccessRule] = Field(default_factory=list)
    expires_at: str | None = None
    revision: int = 1
    owner_stack: str = Field(min_length=1)


class ApplicationCredentialOutputs(Outputs):
    """What Keystone made.

    Attributes:
        credential_id: what a login names it by.
        secret: what a login proves itself with; Keystone tells it once.
    """

    credential_id: str
    secret: str = Field(repr=False)


State = ResourceState[ApplicationCredentialArgs, ApplicationCredentialOutputs]


class ApplicationCredentialProvider(DynamicProvider[ApplicationCredentialArgs, ApplicationCredentialOutputs]):
    """Keystone changes nothing about a credential, so every difference makes it anew."""

    replace_on = frozenset(
        {"user_id", "project_id", "name", "roles", "access_rules", "expires_at", "revision"}
    )
    reached_by = frozenset({"cloud"})
    no_effect = frozenset({"password", "owner_stack"})

    def find_or_create(self, inputs: ApplicationCredentialArgs) -> tuple[str, ApplicationCredentialOutputs]:
        """Make it as the account; what a killed run made is worth nothing and goes."""
        login = openstack.Login(inputs.user_id, inputs.password, inputs.project_id)
        made = credentials.make(inputs.cloud, login, _wanted(inputs))
        return made["id"], ApplicationCredentialOutputs(credential_id=made["id"], secret=made["secret"])

    def update_in_place(
        self,
        state: State,
        inputs: ApplicationCredentialArgs,
    ) -> ApplicationCredentialOutputs:
        """Nothing is changed in place."""
        return state.outputs

    def read_live(self, state: State) -> State | None:
        """Gone is: Keystone has it no more, by whoever's hand."""
        with openstack.connect(state.inputs.cloud) as conn:
            return state if credentials.get(conn, state.inputs.user_id, state.id) else None

    def delete_live(self, state: State) -> None:
        """Delete it as the administrator: the account may be gone, or have another password by now."""
        with openstack.connect(state.inputs.cloud) as conn:
            credentials.remove(conn, state.inputs.user_id, state.id)


def _wanted(inputs: ApplicationCredentialArgs) -> credentials.Wanted:
    return credentials.Wanted(
        name=inputs.name,
        description=f"Made by the Pulumi stack {inputs.owner_stack}",
        roles=inputs.roles,
        access_rules=[rule.model_dump() for rule in inputs.access_rules],
        expires_at=datetime.fromisoformat(inputs.expires_at) if inputs.expires_at else None,
    )


class ApplicationCredential(DynamicResource, module="identity", name="ApplicationCredential"):
    """One application credential of one account, made with the account's own login.

    See ApplicationCredentialArgs for what it declares. Depend on the role sets of the account: it is made with
    the roles that the account has at that moment.

    Attributes:
        credential_id: what a login names it by.
        secret: what a login proves itself with; a secret output.
    """

    made_by = ApplicationCredentialProvider

    credential_id: pulumi.Output[str]
    secret: pulumi.Output[str]
