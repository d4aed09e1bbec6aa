class Failure(Exception):  # noqa: N818 - it ends the command, with a sentence for the person who ran it
    """Nothing more can be done; the text is one sentence that says what is wrong and what would help."""


class Unavailable(Exception):  # noqa: N818 - not an error: the next way is tried
    """One way to get something is closed; the text says why, and another way may be open."""
