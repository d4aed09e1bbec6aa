"""Python's source text as a tree."""

import ast
import gc


def tree(text: str) -> ast.Module:
    """What `ast.parse` makes of TEXT.

    Without garbage collection: what is collected in its midst may parse too, for the traceback of a future that failed,
    and Python 3.11.2 then fails ("recursion depth mismatch", gh-106905).
    """
    gc.disable()
    try:
        return ast.parse(text)
    finally:
        gc.enable()
