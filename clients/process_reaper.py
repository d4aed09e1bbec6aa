"""Runs one command for a program and stops it when that program is gone, even by SIGKILL.

``python process_reaper.py COMMAND …``, with the read end of a pipe as standard input, whose write end only the
program holds. The command gets its own process group; when the pipe closes, the whole group is stopped. File descriptors
that are given to the reaper, such as a lock's, stay open until then, and are not the command's.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress

GRACE_S = 5.0
PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>


def main(command: list[str]) -> int:
    """Run the command and return its exit code as a shell does (128 + signal)."""
    # Orphans of the group come here rather than to init, which may take its time to see that they ended.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    ended = os.pidfd_open(child.pid)
    poll = select.poll()
    poll.register(0, select.POLLIN)
    poll.register(ended, select.POLLIN)
    if ended not in {number for number, _ in poll.poll()}:
        end_group(child)
    code = child.wait()
    return code if code >= 0 else 128 - code


def end_group(child: "subprocess.Popen[bytes]") -> None:
    """Send the group SIGTERM, and SIGKILL after GRACE_S."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_S
        while time.monotonic() < deadline:
            with suppress(ChildProcessError):
                while os.waitpid(-child.pid, os.WNOHANG)[0]:
                    pass
            os.killpg(child.pid, 0)  # ProcessLookupError once nobody is left
            time.sleep(0.02)
        os.killpg(child.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
