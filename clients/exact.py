"""Lists of a service's objects by name or another text, compared exactly.

MariaDB ignores case and accents, and so do services' filters (docs/names.md): whatever is found by a text comes from here.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from requests import Response

Row = dict[str, Any]


def only(rows: Iterable[Row], exactly: Mapping[str, Any]) -> list[Row]:
    """Those of ROWS whose fields are exactly these, to the letter."""
    return [row for row in rows if all(row.get(field) == value for field, value in exactly.items())]


def listed(
    adapter: Any,
    collection: str,
    exactly: Mapping[str, str],
    also: Mapping[str, str] | None = None,
    **options: Any,
) -> tuple[Response, list[Row]]:
    """Ask a service for the objects of COLLECTION whose fields are exactly these.

    Args:
        adapter: the service's proxy of openstacksdk, such as ``connection.identity``.
        collection: its path, such as ``users/ID/application_credentials``; its last part is the key of the answer.
        exactly: the fields to filter by, as the objects of the answer have them.
        also: other filters, which need no comparison: ids, flags.
        options: for the request, such as ``microversion``.

    Returns:
        The last answer, for the caller to judge its status, and what was found (nothing if it is an error).
    """
    key = collection.rpartition("/")[2].removeprefix("os-").replace("-", "_")
    found: list[Row] = []
    url, query = f"/{collection}", {**(also or {}), **exactly} or None
    while True:
        response: Response = adapter.get(url, params=query, **options)
        if not response.ok:
            return response, []
        page = response.json()
        found += page[key]
        url, query = str(page.get("next") or "").removeprefix("/v2"), None  # Glance gives pages unasked
        if not url:
            return response, only(found, exactly)
