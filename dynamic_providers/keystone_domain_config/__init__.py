"""The identity driver of a domain and its options, such as those of an LDAP directory."""

import pulumi
from pulumi.dynamic import Resource

from dynamic_providers.keystone_domain_config.provider import (
    KeystoneDomainConfigArgs,
    KeystoneDomainConfigProvider,
)

__all__ = ["KeystoneDomainConfig", "KeystoneDomainConfigArgs"]


class KeystoneDomainConfig(Resource, module="keystone", name="DomainConfig"):
    """The driver configuration of one domain, set through Keystone's API; its id is the domain's.

    Deleting it gives the domain back to Keystone's default driver. See KeystoneDomainConfigArgs for what it
    declares; the password is a secret in state, as input and as output.
    """

    def __init__(
        self,
        name: str,
        args: KeystoneDomainConfigArgs,
        *,
        domain_id: pulumi.Input[str],
        password: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=["password"])
        super().__init__(
            KeystoneDomainConfigProvider(),
            name,
            {
                **args.model_dump(exclude_none=True),
                "domain_id": domain_id,
                "password": pulumi.Output.secret(password),
            },
            pulumi.ResourceOptions.merge(opts, secret),
        )
