"""What rules know beside the resources: the checked stack file, and the day."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from config.load import SettingsError, load
from config.policy import PolicySpec
from config.settings import Settings


@dataclass(frozen=True)
class Facts:
    """What a stack is held to.

    Attributes:
        settings: the stack file; None where it has mistakes, which the program tells and stops for.
        today: the day, in UTC, by which exceptions end.
    """

    settings: Settings | None
    today: date

    @property
    def policy(self) -> PolicySpec:
        """The stack file's section `policy`."""
        return self.settings.policy if self.settings else PolicySpec()


def facts_of_this_stack() -> Facts:
    """The facts of the stack that the engine runs this pack for, once its configuration is there."""
    try:
        settings = load()
    except SettingsError:
        settings = None
    return Facts(settings, datetime.now(UTC).date())
