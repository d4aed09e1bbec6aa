"""supervisord with one bug of its poller fixed; run as a script in the services' environment.

Supervisor 4.3 can leave the descriptor of a daemon that ended in its poll set. Once the number is reused, for
the write end of another daemon's standard input, the kernel reports POLLERR for it without end; the poller
neither handles nor removes it, and supervisord uses a whole core (seen here, after a daemon was killed and restarted).
This poller removes a descriptor that only reports an error, like an invalid one.
"""

from __future__ import annotations

import select

from supervisor import poller, supervisord


class PatchedPoller(poller.PollPoller):  # type: ignore[misc] # supervisor has no types
    """Removes a descriptor that only reports an error; a valid one is registered again each round."""

    def _ignore_invalid(self, fd: int, eventmask: int) -> bool:
        gone = eventmask == select.POLLERR
        return bool(super()._ignore_invalid(fd, select.POLLNVAL if gone else eventmask))


if __name__ == "__main__":
    poller.Poller = PatchedPoller
    supervisord.main()
