"""Opening a file that a person named: a regular one, and nothing whose reading may never end.

Opening a FIFO waits for a writer, where not even Ctrl-C helps; a device has no end.
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

LARGEST_TEXT = 16 << 20

_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFDIR: "a directory",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def opened(path: str | Path) -> BinaryIO:
    """The file, open for reading; a symbolic link to a regular file is one.

    Raises:
        OSError: it cannot be opened or is no regular file; ``strerror`` says why, in words.
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - beside fstat
    except ValueError as error:  # a NUL, or half of a UTF-16 pair
        raise OSError(errno.EINVAL, "no file can have such a name", str(path)) from error
    _refuse_special(mode, path)
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    try:
        _refuse_special(os.fstat(file.fileno()).st_mode, path)  # what was opened, not what was there before
    except OSError:
        file.close()
        raise
    return file


def text(path: str | Path, errors: str = "strict") -> str:
    """What is in a regular file of UTF-8; ERRORS is what `bytes.decode` does with anything else.

    Raises:
        OSError: as `opened`, or it is no text, or too large for a file of text.
    """
    with opened(path) as file:
        found = file.read(LARGEST_TEXT + 1)
    if len(found) > LARGEST_TEXT:
        raise OSError(
            errno.EFBIG, f"it has more than {LARGEST_TEXT >> 20} MiB, too much for such a file", str(path)
        )
    try:
        return found.decode(errors=errors)
    except UnicodeDecodeError as error:
        raise OSError(errno.EILSEQ, "it is not text", str(path)) from error


def _refuse_special(mode: int, path: str | Path) -> None:
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "a special file")
        raise OSError(errno.EINVAL, f"it is {kind}, not a regular file", str(path))
