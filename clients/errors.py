"""The one exception that means "a person can act on this sentence"."""


class CloudError(Exception):
    """A failure said in one sentence: what is wrong and what would be right.

    Whatever asks a service or a host, or reads what a person wrote, may raise it; a docstring says when where that is
    not plain. Whatever else escapes is a fault of this project and keeps its traceback.
    """


class InUseError(CloudError):
    """Something still uses what was to be removed; the sentence names the users."""
