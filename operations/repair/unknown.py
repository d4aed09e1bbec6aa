"""What a stack file declares, the cloud has, and the stack's state does not know."""

from collections.abc import Mapping
from typing import Any

from clients.openstack import connect
from operations.adopt.entry import KINDS, LeftOut, MissingId, Wanted, adopted_ids
from operations.adopt.live import look
from operations.adopt.managed import managed_ids
from operations.adopt.search import search
from operations.adopt.stack_file import StackFile

_LOOKED_FOR = tuple(kind for kind in KINDS if kind != "grants")
"""The sections whose objects OpenStack refuses to make twice; whatever else is declared, the next `up` finds."""


def unknown_on_the_cloud(file: StackFile, state: Mapping[str, Any]) -> tuple[list[MissingId], list[LeftOut]]:
    """What of FILE the cloud has and STATE does not know: what can be taken over, and what cannot.

    Raises:
        AdoptError, CloudError, SettingsError, SDKException: FILE has mistakes, or the cloud does not answer.
    """
    settings = file.settings()
    with connect(settings.openstack.cloud) as connection:
        wanted = Wanted(settings, managed=managed_ids(state) | frozenset(adopted_ids(settings)))
        found = search(look(connection), wanted, _LOOKED_FOR)
    missing = [item for item in found if isinstance(item, MissingId)]
    return missing, [item for item in found if isinstance(item, LeftOut) and item.declared]
