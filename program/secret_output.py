"""Secrets of the stack file as outputs."""

import pulumi

from config.secret import SecretText


def secret_output(secret: SecretText) -> pulumi.Output[str]:
    """Return the text of SECRET as an output that the engine encrypts in the state and masks in its output."""
    return pulumi.Output.secret(secret.text)
