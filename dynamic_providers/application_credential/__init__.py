"""An application credential: a login of its own for a machine, limited to one project and some roles."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi.dynamic import Resource

from dynamic_providers.application_credential.provider import (
    ApplicationCredentialArgs,
    ApplicationCredentialProvider,
)

__all__ = ["ApplicationCredential", "ApplicationCredentialArgs"]


class ApplicationCredential(Resource, module="identity", name="ApplicationCredential"):
    """One application credential of one account, made with the account's own login.

    See ApplicationCredentialArgs for what it declares. Depend on the role sets of the account: it is made with
    the roles that the account has at that moment.

    Attributes:
        credential_id: what a login names it by.
        secret: what a login proves itself with; a secret output.
    """

    credential_id: pulumi.Output[str]
    secret: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        cloud: str,
        user_id: pulumi.Input[str],
        password: pulumi.Input[str],
        project_id: pulumi.Input[str],
        credential_name: str,
        roles: Sequence[pulumi.Input[str]],
        access_rules: Sequence[Mapping[str, str]],
        expires_at: str | None,
        revision: pulumi.Input[int],
        owner_stack: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        declared: dict[str, Any] = {
            "cloud": cloud,
            "user_id": user_id,
            "password": pulumi.Output.secret(password),
            "project_id": project_id,
            "name": credential_name,
            "roles": pulumi.Output.all(*roles).apply(lambda ids: sorted(set(ids))),  # a set: no order
            "access_rules": access_rules,
            "revision": revision,
            "owner_stack": owner_stack,
        }
        if expires_at:
            declared["expires_at"] = expires_at
        secret = pulumi.ResourceOptions(additional_secret_outputs=["secret"])
        super().__init__(
            ApplicationCredentialProvider(),
            name,
            {**declared, "credential_id": None, "secret": None},
            pulumi.ResourceOptions.merge(opts, secret),
        )
