"""The CRUD of a domain's configuration."""

from typing import Literal

from pydantic import Field

from clients.errors import CloudError
from clients.openstack import Connection, connect
from dynamic_providers.base import CloudInputs, DynamicProvider, DynamicResource, Outputs, ResourceState
from dynamic_providers.keystone_domain_config import domain_config


class KeystoneDomainConfigArgs(CloudInputs):
    """What a domain's configuration declares.

    Attributes:
        domain_id: of the domain; also the resource's id.
        domain: its name, for sentences.
        options: Keystone's options by group, each a literal text; without the password.
        password: of the bind account. A secret.
        adopt: whether a different configuration that is there already is replaced.
        witness_name: of one who is in the directory: by it can be told that Keystone uses the configuration.
    """

    domain_id: str = ""  # given apart, as it may not be known yet; so is the password
    domain: str = Field(min_length=1)
    options: dict[str, dict[str, str]]
    password: str = Field(default="", repr=False)
    adopt: bool = False
    witness_kind: Literal["user", "group"] = "user"
    witness_name: str | None = None

    @property
    def witness(self) -> tuple[str, str] | None:
        """The witness's kind and name."""
        return (self.witness_kind, self.witness_name) if self.witness_name else None


State = ResourceState[KeystoneDomainConfigArgs, Outputs]


class KeystoneDomainConfigProvider(DynamicProvider[KeystoneDomainConfigArgs, Outputs]):
    """The identity driver of a domain: one configuration a domain."""

    replace_on = frozenset({"domain_id"})
    connection_fields = frozenset({"cloud"})
    create_only_fields = frozenset({"domain", "adopt", "witness_kind", "witness_name"})

    def find_or_create(self, inputs: KeystoneDomainConfigArgs) -> tuple[str, Outputs]:
        """Set it, also over an equal one; refuse to replace a different one that nobody gave over."""
        with connect(inputs.cloud) as connection:
            live = domain_config.get(connection, inputs.domain_id)
            if live is not None and live != inputs.options and not inputs.adopt:
                raise CloudError(
                    f"domain {inputs.domain!r} has a configuration already, and it is a different one: "
                    f"{domain_config.differing(live, inputs.options)}. Set the directory's adopt: true to "
                    "replace it, or declare it as it is."
                )
            return inputs.domain_id, self._bring_to(connection, inputs)

    def update_in_place(
        self,
        state: State,
        inputs: KeystoneDomainConfigArgs,
    ) -> Outputs:
        """Set exactly the declared options."""
        with connect(inputs.cloud) as connection:
            return self._bring_to(connection, inputs)

    def read_live(self, state: State) -> State | None:
        """Every option but the password, which Keystone never tells: that stays as the stack holds it."""
        with connect(state.inputs.cloud) as connection:
            live = domain_config.get(connection, state.id)
        return None if live is None else state.seen(options=live)

    def delete_live(self, state: State) -> None:
        """Give the domain back to Keystone's default driver."""
        with connect(state.inputs.cloud) as connection:
            domain_config.delete(connection, state.id)

    def _bring_to(self, connection: Connection, inputs: KeystoneDomainConfigArgs) -> Outputs:
        domain_config.put(connection, inputs.domain_id, inputs.options, inputs.password)
        domain_config.wait_until_used(connection, inputs.domain_id, inputs.domain, inputs.witness)
        return Outputs()


class KeystoneDomainConfig(DynamicResource, module="keystone", name="DomainConfig"):
    """The driver configuration of one domain, set through Keystone's API; its id is the domain's.

    Deleting it gives the domain back to Keystone's default driver. See KeystoneDomainConfigArgs for what it
    declares; the password is a secret in state, as input and as output.
    """

    made_by = KeystoneDomainConfigProvider
