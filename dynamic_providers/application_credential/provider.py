"""The CRUD of an application credential."""

import pulumi
from pydantic import Field

from clients import openstack
from dynamic_providers.application_credential import credentials
from dynamic_providers.application_credential.credentials import ApplicationCredentialArgs
from dynamic_providers.base import DynamicProvider, DynamicResource, Outputs, ResourceState


class ApplicationCredentialOutputs(Outputs):
    """What a login names the credential by, and what it proves itself with; Keystone tells the secret once."""

    credential_id: str
    secret: str = Field(repr=False)


State = ResourceState[ApplicationCredentialArgs, ApplicationCredentialOutputs]


class ApplicationCredentialProvider(DynamicProvider[ApplicationCredentialArgs, ApplicationCredentialOutputs]):
    """Keystone changes nothing about a credential, so every difference makes it anew."""

    replace_on = frozenset(
        {"user_id", "project_id", "name", "roles", "access_rules", "expires_at", "revision"}
    )
    connection_fields = frozenset({"cloud"})
    create_only_fields = frozenset({"password", "owner_stack"})

    def find_or_create(self, inputs: ApplicationCredentialArgs) -> tuple[str, ApplicationCredentialOutputs]:
        """Make it as the account; what a killed run made is worth nothing and goes."""
        login = openstack.Login(inputs.user_id, inputs.password, inputs.project_id)
        made = credentials.make(login, inputs)
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


class ApplicationCredential(DynamicResource, module="identity", name="ApplicationCredential"):
    """One application credential of one account, made with the account's own login.

    See ApplicationCredentialArgs for what it declares. Depend on the role sets of the account: it is made with
    the roles that the account has at that moment.
    """

    made_by = ApplicationCredentialProvider

    credential_id: pulumi.Output[str]
    secret: pulumi.Output[str]
