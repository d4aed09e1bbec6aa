"""Names as OpenStack's services compare them: MariaDB's collations ignore case, accents and trailing blanks."""

import unicodedata

_BARE = str.maketrans({"ı": "i", "ß": "s", "ẞ": "s", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h"})  # noqa: RUF001
"""Letters that a collation takes for a plain one, though Unicode does not decompose them."""


def folded(name: str) -> str:
    """NAME in a form that is equal for all names that a service treats as one.

    Two names that are equal in MariaDB's utf8mb3_general_ci, in which Kolla's databases keep names, fold to the same
    text (a lab test asks the database about every character), and so do those of most letters and digits that the
    newer uca1400_ai_ci takes for the same. It may fold names together that a service keeps apart.
    """
    decomposed = unicodedata.normalize("NFKD", name.translate(_BARE).replace("\u0345", "\u03b9")).translate(
        _BARE
    )
    bare = "".join(char for char in decomposed if unicodedata.category(char) not in {"Mn", "Me", "Cf"})
    lower = bare.casefold().translate(_BARE)
    return "".join(str(unicodedata.digit(char, char)) for char in lower).rstrip()
