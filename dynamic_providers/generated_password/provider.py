"""A password made once and kept in state; no system is asked."""

import secrets
import string

import pulumi
from pydantic import Field

from dynamic_providers.base import DynamicProvider, DynamicResource, Inputs, Outputs, ResourceState

LENGTH = 32
"""Letters and digits: 190 bits."""
# Nothing that clouds.yaml, a shell, or an INI file would have to quote or escape.
_KINDS = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
_ID = "generated"


class GeneratedPasswordArgs(Inputs):
    """What a generated password declares: another serial is another password."""

    serial: int = Field(ge=1)


class GeneratedPasswordOutputs(Outputs):
    """LENGTH letters and digits, at least one small letter, one capital and one digit."""

    password: str = Field(repr=False)


State = ResourceState[GeneratedPasswordArgs, GeneratedPasswordOutputs]


class GeneratedPasswordProvider(DynamicProvider[GeneratedPasswordArgs, GeneratedPasswordOutputs]):
    """A new serial is a change in place: what uses the password gets the new one in the same run."""

    def find_or_create(self, inputs: GeneratedPasswordArgs) -> tuple[str, GeneratedPasswordOutputs]:
        """Generate one; a killed run's was never used, because it was not saved."""
        return _ID, GeneratedPasswordOutputs(password=_generated())

    def read_live(self, state: State) -> State:
        """What state holds: it is kept nowhere else."""
        return state

    def delete_live(self, state: State) -> None:
        """Nothing to remove."""


def _generated() -> str:
    while True:
        password = "".join(secrets.choice("".join(_KINDS)) for _ in range(LENGTH))
        if all(set(kind) & set(password) for kind in _KINDS):  # what Keystone's password_regex often asks
            return password


class GeneratedPassword(DynamicResource, module="identity", name="GeneratedPassword"):
    """A password of 32 letters and digits; another serial makes another one, in place."""

    made_by = GeneratedPasswordProvider

    password: pulumi.Output[str]
