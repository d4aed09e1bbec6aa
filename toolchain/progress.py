"""What a person sees while the toolchain works: one line a step, and a sign of life in the long ones."""

import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from toolchain.failure import Failure

# Seconds between two signs of life.
PULSE = 15


def say(text: str) -> None:
    """Print one line; on standard error, because the output of ``env`` is read by a shell."""
    print(f"toolchain: {text}", file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Return seconds as a person would say them."""
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"  # noqa: PLR2004


def run(
    command: Sequence[str],
    label: str,
    log: Path,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    limit: float = 3600,
    holds_lock: bool = True,
) -> None:
    """Run a program with its output in a log file, saying every few seconds that it is still at it.

    With ``holds_lock`` the installation's lock is held until the program has ended too, should this process
    be killed before it; not for a program that may start daemons.

    Raises:
        Failure: the program failed, or took longer than ``limit`` seconds; names its last words and the log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    say(f"{label} …")
    with log.open("wb") as output:
        try:
            child = subprocess.Popen(
                command,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                close_fds=not holds_lock,
            )
        except OSError as error:
            raise Failure(f"{label}: {command[0]} does not run ({error.strerror})") from error
    finished = threading.Event()
    threading.Thread(target=_pulse, args=(label, log, started, finished), daemon=True).start()
    try:
        code = child.wait(limit)
    except subprocess.TimeoutExpired:
        raise Failure(f"{label}: not done after {duration(limit)}; its output is in {log}") from None
    finally:
        finished.set()
        if child.poll() is None:
            child.kill()
            child.wait()
    took = duration(time.monotonic() - started)
    if code != 0:
        raise Failure(f"{label} failed after {took}: {_last_words(log)} (all of it in {log})")
    say(f"{label}: done in {took}")


def _pulse(label: str, log: Path, started: float, finished: threading.Event) -> None:
    while not finished.wait(PULSE):
        lines = log.read_bytes().count(b"\n")
        say(f"{label}: {duration(time.monotonic() - started)}, {lines} lines of output")


def _last_words(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith(("error", "e: "))]
    return (errors or lines or ["it said nothing"])[-1].rstrip(".")
