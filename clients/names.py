"""Names as OpenStack's services compare them: MariaDB's collations ignore case, accents and trailing blanks."""

import unicodedata


def folded(name: str) -> str:
    """NAME in a form that is equal for all names that a service treats as one.

    It is at least as coarse as any collation that the services use: two names that a service takes for the same
    always fold to the same text. docs/names.md has what each service compares how.
    """
    decomposed = unicodedata.normalize("NFKD", name)
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold().rstrip()
