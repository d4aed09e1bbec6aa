"""A password that this program generates once and that only the stack's encrypted state keeps."""

import pulumi
from pulumi.dynamic import Resource

from dynamic_providers.generated_password.provider import GeneratedPasswordArgs, GeneratedPasswordProvider

__all__ = ["GeneratedPassword", "GeneratedPasswordArgs"]


class GeneratedPassword(Resource, module="identity", name="GeneratedPassword"):
    """A password of 32 letters and digits; another serial makes another one, in place.

    Attributes:
        password: a secret output.
    """

    password: pulumi.Output[str]

    def __init__(
        self, name: str, args: GeneratedPasswordArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=["password"])
        super().__init__(
            GeneratedPasswordProvider(),
            name,
            {**args.model_dump(), "password": None},
            pulumi.ResourceOptions.merge(opts, secret),
        )
