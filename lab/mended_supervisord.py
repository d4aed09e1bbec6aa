"""supervisord with one fault of its poller mended; run as a script in the services' environment.

Supervisor 4.3 can leave the descriptor of a daemon that ended in its poll set. Once the number is reused, for
the write end of another daemon's standard input, the kernel reports POLLERR for it without end; the poller
neither handles nor forgets that, and supervisord takes a whole core (seen here, after a daemon was killed and
restarted). An error on a descriptor that nobody can read is forgotten here, like an invalid one.
"""

from __future__ import annotations

import select

from supervisor import poller, supervisord


class MendedPoller(poller.PollPoller):  # type: ignore[misc] # supervisor has no types
    """Forgets a descriptor that only ever reports an error; a living one is registered anew each round."""

    def _ignore_invalid(self, fd: int, eventmask: int) -> bool:
        gone = eventmask == select.POLLERR
        return bool(super()._ignore_invalid(fd, select.POLLNVAL if gone else eventmask))


if __name__ == "__main__":
    poller.Poller = MendedPoller
    supervisord.main()
