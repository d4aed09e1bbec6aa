"""Secrets of the stack file as outputs."""

import pulumi

from config.secret import SecretText


def secret_output(secret: SecretText) -> pulumi.Output[str]:
    """The text of SECRET, which the engine encrypts in the state and hides in what it prints."""
    return pulumi.Output.secret(secret.text)
