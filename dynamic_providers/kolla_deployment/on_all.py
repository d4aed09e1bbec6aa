"""The same thing on several hosts at once."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from clients.errors import CloudError
from clients.ssh import SshHost

AT_ONCE = 8
Answer = TypeVar("Answer")


def on_all(
    hosts: Mapping[str, SshHost], what: Callable[[SshHost], Answer]
) -> tuple[dict[str, Answer], dict[str, str]]:
    """Do it on each of the hosts.

    Returns:
        What it returned, and for hosts where it could not be done the sentence why, both by name.
    """
    done: dict[str, Answer] = {}
    failed: dict[str, str] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for name, future in {name: pool.submit(what, host) for name, host in hosts.items()}.items():
            try:
                done[name] = future.result()
            except CloudError as error:
                failed[name] = str(error)
    return done, failed
