"""When a machine with an owner is made anew: when the owner asks, or the deadline has passed, and nobody has leased it."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from dynamic_providers.server_fleet.server import LEASE, RENEW, Server

_LONGEST_DAYS = 36500


@dataclass(frozen=True)
class Manners:
    """What a run goes by.

    Attributes:
        opportunistic: whether servers wait for their owners.
        deadline_days: from the creation of a new image on; None for ever.
        image_created: the day; None for an image that is yet to be made.
        keep_days: for which the machine of somebody who left is kept.
        user_data: the stack file's, to say what of them is another.
        now: the time, in UTC.
    """

    opportunistic: bool = False
    deadline_days: int | None = None
    image_created: date | None = None
    keep_days: int = 0
    user_data: str = field(default="", repr=False)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def deadline(self) -> date | None:
        """The day from which a new image is not waited for any more; None for none that is known."""
        if self.deadline_days is None or self.image_created is None:
            return None
        return later(self.image_created, self.deadline_days)

    def kept_until(self, left: str) -> date:
        """The day from which the machine of somebody who LEFT is not kept any more."""
        return later(date.fromisoformat(left), self.keep_days)


def later(day: date, days: int) -> date:
    """The day so many DAYS after DAY; a hundred years at most."""
    return day + timedelta(days=min(days, _LONGEST_DAYS))


def is_asked_for(server: Server) -> bool:
    """Whether its owner wants it made anew."""
    return server.metadata.get(RENEW, "").strip().lower() == "yes"


def why_it_waits(how: Manners, server: Server, *, other_image: bool) -> str:
    """Why SERVER, which runs, is not made anew now; empty where it is. OTHER_IMAGE: whether it gets one."""
    if text := server.metadata.get(LEASE, "").strip():
        ends = lease_end(text)
        if ends is None:
            return f"its {LEASE} {text!r} is no day; give one as YYYY-MM-DD, or take it away"
        if how.now < ends:
            return f"it is leased until {text}"
    if not how.opportunistic or is_asked_for(server):
        return ""
    if not other_image or how.deadline_days is None:
        return "it waits for its owner (renew=yes)"
    if how.deadline is None:
        return f"it waits for its owner (renew=yes) or {how.deadline_days} days"
    return "" if how.now.date() >= how.deadline else f"it waits for its owner (renew=yes) or {how.deadline}"


def lease_end(text: str) -> datetime | None:
    """When a lease until TEXT ends: a day, or a time, which is UTC where it has no zone; None for another text."""
    try:
        if "T" not in text and " " not in text:
            return datetime.combine(later(date.fromisoformat(text), 1), time(), UTC)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
