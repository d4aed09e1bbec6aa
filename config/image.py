"""Golden images, and how the import reaches Ceph and Glance."""

from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator

from clients.glance import is_managed
from config.checksums import digest_in
from config.errors.issues import invalid
from config.fields import CephConf, CephUser, FormerName, Name, Sha256, Size, Text, from_the_projects_folder
from config.spec import Adoptable, Problems, Spec, checking

Cloner = Literal["nova", "cinder"]
SourceFormat = Literal["qcow2", "raw"]
Hash = Literal["auto", "sha512", "none"]
Verify = Literal["while_writing", "first"]
WhenUsed = Literal["refuse", "hide", "trash"]


class ImageStoreSpec(Spec, nothing="cloud ceph_user ceph_conf cloned_by", replaced="pool"):
    """How the image import reaches Ceph and Glance."""

    cloud: Name = Field(description="the entry of clouds.yaml that images are registered with")
    pool: Name = Field(description="Glance's RBD pool, such as 'images'")
    ceph_user: CephUser = Field(
        description="the cephx user without 'client.', such as 'image-import'; one of ceph_users with a folder, or one "
        "that ceph.conf names a keyring for"
    )
    ceph_conf: CephConf = None
    cloned_by: tuple[Cloner, ...] = Field(
        ("cinder", "nova"),
        description="a list of 'cinder' and 'nova': who clones images; preview warns where one of them would copy instead",
    )


class Image(Adoptable):
    """A golden image's fields, as the stack file, its resource and `make publish-image` have them."""

    name: Name = Field(description="the image's name in Glance, unique among this program's images")
    source: str = Field(
        min_length=1,
        description="the QCOW2 or RAW, as it is or compressed (gzip, xz, bzip2, zstd): a path from the project's folder, or an http(s) or s3 URL",
    )
    source_format: SourceFormat = Field(
        "qcow2", description="'qcow2' or 'raw': what the source must be, once it is decompressed"
    )
    visibility: Literal["shared", "community", "private", "public"] = Field(
        "shared",
        description="'shared', 'community', 'private' or 'public' (by Glance's default policy admin's)",
    )
    properties: dict[Name, Text] = Field(
        default_factory=dict, description="a map of text to text, such as os_distro: debian"
    )
    min_disk_gb: Size = Field(0, description="GiB of disk a server needs, a number from 0")
    min_ram_mb: Size = Field(0, description="MiB of memory a server needs, a number from 0")
    protected: bool = Field(default=False, description="true or false: whether Glance refuses to delete it")
    verify: Verify = Field(
        "while_writing",
        description="'while_writing' or 'first': when the source's SHA-256 is computed; with 'while_writing' a wrong file may "
        "reach the decoder and a hidden RBD image, which is removed again, with 'first' neither",
    )
    hash: Hash = Field(
        "auto",
        description="'auto', 'sha512' or 'none': whether the written image gets a hash in Glance; 'auto' computes one "
        "where the disk is at most four times its data",
    )

    keep: Size = Field(
        0, description="how many former generations stay, hidden, when new content comes; a number from 0"
    )
    when_used: WhenUsed = Field(
        "refuse",
        description="'refuse', 'hide' or 'trash': what its removal does while volumes or instances are clones of it",
    )

    @checking("properties")
    def _not_glances_own(cls, properties: dict[str, str], _info: ValidationInfo) -> Problems:
        for key in properties:
            if is_managed(key):
                yield (
                    (key,),
                    f"{key!r} is kept by Glance or this program itself; choose another name for a property",
                )


class ImageSpec(
    Image, nothing="renamed_from source source_format sha256sums verify hash when_used adopt", renamed="name"
):
    """An image of the stack file."""

    renamed_from: FormerName = None
    sha256sums: PurePosixPath | None = Field(
        None, description="a checksum file as sha256sum or its --tag writes it, with a line for the source"
    )
    sha256: Sha256 = Field(
        "",
        validate_default=True,
        description="the SHA-256 of the source as it is published, 64 hexadecimal digits",
    )

    @checking("source")
    def _path_or_web_address(cls, source: str, _info: ValidationInfo) -> Problems:
        if "://" not in source:
            return
        parts = urlsplit(source)
        if parts.scheme not in {"http", "https", "s3"} or not parts.hostname or parts.path in {"", "/"}:
            yield f"{source!r} is no source; give a path, or an http://, https:// or s3:// URL of a file"
        elif parts.username is not None:
            yield (
                "a login in a URL is for everybody to read; drop it, and give it in ~/.netrc on the machine that runs pulumi"
            )

    @field_validator("sha256", mode="before")
    @classmethod
    def _given_or_looked_up(cls, given: object, info: ValidationInfo) -> object:
        if "sha256sums" not in info.data or "source" not in info.data:
            return given or "0" * 64  # those are refused already; do not refuse this as well
        sums: PurePosixPath | None = info.data["sha256sums"]
        if (sums is None) == (given == ""):
            both = "both sha256 and sha256sums are" if sums else "neither sha256 nor sha256sums is"
            raise invalid(f"{both} given; give exactly one, so that the source can be verified")
        if sums is None:
            return given
        return digest_in(from_the_projects_folder(sums, info), info.data["source"])
