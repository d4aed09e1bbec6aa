"""Values as people may see them: without secrets, without what is not known yet, and short.

"[secret]" of `pulumi preview --json`, objects with Pulumi's signature key, and names that say what they are.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

SECRET = "[secret]"  # noqa: S105 - what `preview --json` shows of one
UNKNOWN = "known once it is made"
_SIGNATURE = "4dabf18193072939515e22adb298388d"  # pulumi: sdk/go/common/resource/sig
_UNKNOWN_VALUE = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # pulumi: sdk/go/common/resource/plugin/rpc.go
_CIPHER = re.compile(r"\bv1:[A-Za-z0-9+/=]{8,}:[A-Za-z0-9+/=]{8,}")  # of the passphrase secrets provider
_SAYS_SECRET = re.compile(
    r"(passw(or)?d|passphrase|secret|token|licen[sc]e_?key|private_?key|api_?key|keyring|stdin)$|^(key|texts)$",
    re.IGNORECASE,
)
_OF_NO_INTEREST = frozenset({"__provider", "__defaults"})
LONGEST = 160


def clean(value: Any, secret_keys: Iterable[str] = ()) -> Any:
    """VALUE without secrets; also what stands under SECRET_KEYS, at the top, is one."""
    if isinstance(value, dict):
        if _SIGNATURE in value:
            return SECRET
        secret = frozenset(secret_keys)
        return {
            key: SECRET if key in secret or _is_secret(key, inner) else clean(inner)
            for key, inner in value.items()
            if key not in _OF_NO_INTEREST
        }
    if isinstance(value, list):
        return [clean(inner) for inner in value]
    if isinstance(value, str):
        return text(value)
    return value


def text(value: str) -> str:
    """VALUE, such as a sentence of Pulumi's, without secrets and with words for what is not known yet."""
    return _CIPHER.sub(SECRET, value).replace(_UNKNOWN_VALUE, UNKNOWN)


def _is_secret(key: str, value: Any) -> bool:
    return bool(_SAYS_SECRET.search(key)) and value not in (None, "")


def shown(value: Any) -> str:
    """VALUE, cleaned already, as a short text."""
    if isinstance(value, str) and value in {SECRET, UNKNOWN}:
        return "a secret" if value == SECRET else value
    plain = value if isinstance(value, str) else json.dumps(_whole(value), ensure_ascii=False, sort_keys=True)
    plain = plain.replace(f'"{SECRET}"', "a secret").replace(SECRET, "a secret")
    return plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 1]}…"


def _whole(value: Any) -> Any:
    """VALUE with whole numbers where Pulumi has them as floats."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    return value
