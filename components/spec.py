"""The base of every spec: frozen, and a key it does not know is refused."""

from pydantic import BaseModel, ConfigDict


class Spec(BaseModel):
    """A part of the stack file; each field's description says what would be right there."""

    model_config = ConfigDict(frozen=True, extra="forbid")
