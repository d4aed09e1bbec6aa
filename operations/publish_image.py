"""`make publish-image`: the import of a golden image from a shell, or from the job that builds it.

It does what `pulumi up` does with an image, with the same checks, and gives it the identity that the stack would give
it. Once the stack file names its digest, `up` takes it over and copies nothing.

Standard output is one JSON object; progress, and one sentence where it fails, go to standard error. Exit codes:

    0  published, or there already
    2  an argument is wrong
    3  refused: the source is not what was said, or Ceph or Glance refuse; nothing is left behind
    4  Glance has not finished yet: run the same command again
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from openstack.exceptions import SDKException
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from clients import glance
from clients.errors import CloudError
from clients.progress import log_line
from config.checksums import digest_in
from dynamic_providers.rbd_image import generation, publication, registration, source
from dynamic_providers.rbd_image.provider import RbdImageArgs
from dynamic_providers.rbd_image.wanted import Wanted

DONE, USAGE, REFUSED, RUN_AGAIN = 0, 2, 3, 4
KEEP = 3


class _UsageError(Exception):
    """An argument is wrong; the text is a sentence."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _UsageError(f"{message}; --help tells more.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m operations.publish_image",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stack", required=True, help="whose image it will be: PROJECT/STACK")
    parser.add_argument("--name", required=True, help="the image's name in that stack")
    parser.add_argument(
        "--source",
        required=True,
        help="the QCOW2 or RAW, as it is or compressed: a path, or an http(s) or s3 URL",
    )
    digest = parser.add_mutually_exclusive_group(required=True)
    digest.add_argument("--sha256", help="the source's SHA-256, 64 hexadecimal digits")
    digest.add_argument("--sha256sums", type=Path, help="a file that sha256sum wrote, with the source in it")
    parser.add_argument("--source-format", default="qcow2", help="qcow2 (the default) or raw")
    parser.add_argument("--cloud", required=True, help="the entry of clouds.yaml to register with")
    parser.add_argument("--pool", required=True, help="Glance's RBD pool, such as images")
    parser.add_argument("--ceph-user", required=True, help="the cephx user without 'client.'")
    parser.add_argument("--ceph-conf", help="the path of ceph.conf; left out, $CEPH_CONF or Ceph's own")
    parser.add_argument("--visibility", default="shared", help="until the stack takes it, as afterwards")
    parser.add_argument(
        "--property", action="append", default=[], metavar="KEY=VALUE", help="may be repeated"
    )
    parser.add_argument("--hash", default="auto", help="auto (the default), sha512 or none: of the RAW disk")
    parser.add_argument(
        "--verify",
        default="while_writing",
        help="while_writing (the default) or first: when the source's SHA-256 is computed",
    )
    parser.add_argument(
        "--shown", action="store_true", help="in lists at once, not only once the stack takes it"
    )
    parser.add_argument(
        "--keep", type=int, default=KEEP, help=f"how many may wait to be taken, from 1; {KEEP} if left out"
    )
    return parser


def main(arguments: Sequence[str]) -> int:
    """Publish, and print what came of it; gives the exit code."""
    try:
        given = _parser().parse_args(arguments)
        declared = _declared(given)
        sys.stdout.write(json.dumps(publish(declared, shown=given.shown, keep=given.keep), indent=2) + "\n")
    except _UsageError as error:
        log_line(str(error))
        return USAGE
    except registration.StillRegisteringError as error:
        log_line(str(error))
        return RUN_AGAIN
    except CloudError as error:
        log_line(str(error))
        return REFUSED
    except SDKException as error:
        log_line(f"Glance refuses: {error}")
        return REFUSED
    return DONE


def publish(declared: RbdImageArgs, *, shown: bool = False, keep: int = KEEP) -> dict[str, Any]:
    """Publish what is declared; gives what is printed.

    Raises:
        CloudError: the sentence says why not.
    """
    owner_tags = glance.owner_tags(declared.owner_stack, declared.name, declared.sha256)
    # `protected` is left out: the stack's to say, once it has it.
    with (
        source.opening(declared, declared.sha256, ahead=True) as opened,
        generation.cloud(declared.cloud, declared.pool, declared.ceph_user, declared.ceph_conf) as cloud,
    ):
        done = publication.publish(cloud, opened, Wanted(declared, owner_tags), shown=shown, keep=keep)
        return {
            "glance_id": done.record["id"],
            "name": declared.name,
            "stack": declared.owner_stack,
            "sha256": declared.sha256,
            "location": cloud.location(done.record["id"]),
            "size_bytes": done.record["size"],
            "sha512": done.record["os_hash_value"] or "",
            "copied": done.copied,
            "taken": done.taken,
            "removed": done.removed,
        }


def _declared(given: argparse.Namespace) -> RbdImageArgs:
    if given.keep < 1:
        raise _UsageError(f"--keep {given.keep}: at least the new one is kept; give 1 or more")
    if given.stack.count("/") != 1 or given.stack.startswith("/") or given.stack.endswith("/"):
        raise _UsageError(f"--stack {given.stack!r}: give PROJECT/STACK, such as private-cloud/prod")
    properties = {}
    for pair in given.property:
        key, separator, value = pair.partition("=")
        if not separator or not key:
            raise _UsageError(f"--property {pair!r}: give KEY=VALUE, such as os_distro=debian")
        properties[key] = value
    try:
        return RbdImageArgs(
            name=given.name,
            source=given.source,
            sha256=_digest(given),
            source_format=given.source_format,
            visibility=given.visibility,
            properties=properties,
            hash=given.hash,
            verify=given.verify,
            cloud=given.cloud,
            pool=given.pool,
            ceph_user=given.ceph_user,
            ceph_conf=given.ceph_conf,
            owner_stack=given.stack,
        )
    except ValidationError as error:
        first = error.errors()[0]
        option = f"--{str(first['loc'][0]).replace('_', '-').replace('properties', 'property')}"
        raise _UsageError(f"{option}: {first['msg']}") from None


def _digest(given: argparse.Namespace) -> str:
    if given.sha256 is not None:
        return str(given.sha256).lower()
    try:
        return digest_in(given.sha256sums, given.source)
    except PydanticCustomError as error:
        raise _UsageError(f"--sha256sums: {error}") from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
