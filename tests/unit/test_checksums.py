"""config/checksums.py: which digest a published checksum file has for a source."""

from pathlib import Path

import pytest
from pydantic_core import PydanticCustomError

from config.checksums import digest_in

A, B = "a" * 64, "b" * 64
SIGNED = f"""-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

# disk.qcow2: 123 bytes
SHA256 (disk.qcow2) = {A}
SHA512 (disk.qcow2) = {B}{B}
-----BEGIN PGP SIGNATURE-----

{B}  disk.qcow2
-----END PGP SIGNATURE-----
"""


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    return tmp_path / "SHA256SUMS"


@pytest.mark.parametrize(
    "text",
    [
        f"{A}  disk.qcow2\n",
        f"{A} *disk.qcow2\n",
        f"{A.upper()}  ./disk.qcow2\r\n",
        f"SHA256 (disk.qcow2) = {A}\n",
        SIGNED,
        f"{B}  other/disk.qcow2\n{A}  images/disk.qcow2\n",
        f"{B}  disk.qcow2\n{A}  images/disk.qcow2\n",
        f"{A}  disk.qcow2\n{A}  disk.qcow2\n",
        f"{A}  elsewhere/disk.qcow2\n",
    ],
)
@pytest.mark.parametrize("source", ["images/disk.qcow2", "https://example.org/images/disk.qcow2?x=1"])
def test_the_digest_of_the_source_is_found(sums: Path, text: str, source: str) -> None:
    sums.write_text(text)
    assert digest_in(sums, source) == A


def test_a_digest_of_the_decompressed_file_is_told_from_the_published_ones(sums: Path) -> None:
    sums.write_text(f"{A}  disk.raw\n")
    with pytest.raises(
        PydanticCustomError, match=r"has a line for 'disk\.raw', and none for 'disk\.raw\.xz'"
    ):
        digest_in(sums, "https://images.example/disk.raw.xz?x=1")


@pytest.mark.parametrize("text", [f"\\{A}  a\\\\b\\nc.raw\n", f"\\SHA256 (a\\\\b\\nc.raw) = {A}\n"])
def test_an_escaped_name_is_read_as_sha256sum_means_it(sums: Path, text: str) -> None:
    sums.write_text(text)
    assert digest_in(sums, "a\\b\nc.raw") == A


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{A}  disk.qcow2\n{B}  disk.qcow2\n", "has two digests for 'disk.qcow2'"),
        (f"{A}  x/disk.qcow2\n{B}  y/disk.qcow2\n", "'x/disk.qcow2' in line 1 and 'y/disk.qcow2' in line 2"),
        (f"{A}  disc.qcow2\n", "did you mean 'disc.qcow2'"),
        (f"{A}{A}  disk.qcow2\n", "no line with a SHA-256 for"),
        (f"SHA512 (disk.qcow2) = {A}{A}\n", "no line with a SHA-256 for"),
    ],
)
def test_what_is_ambiguous_or_missing_is_refused(sums: Path, text: str, message: str) -> None:
    sums.write_text(text)
    with pytest.raises(PydanticCustomError, match="SHA256SUMS") as refused:
        digest_in(sums, "images/disk.qcow2")
    assert message in str(refused.value)
