"""A source as what reads it needs it: a file that is held open, and its size."""

from dataclasses import dataclass

from config.image import SourceFormat


@dataclass(frozen=True)
class Source:
    """A verified file, held open: what is imported is what was hashed, whatever happens to the path.

    Attributes:
        fd: descriptor of the file, decompressed if it was compressed; valid inside the ``with`` that gave this object.
        format: of the file.
        virtual_size: of the disk in it, in bytes.
        data: how many bytes of the disk may hold data.
    """

    fd: int
    format: SourceFormat
    virtual_size: int
    data: int = 0
