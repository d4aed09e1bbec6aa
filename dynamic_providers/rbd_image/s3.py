"""Objects in S3, or in an object store that speaks its language, such as Ceph's."""

import os
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from clients.errors import CloudError

SIGNED_FOR_S = 3600


def signed(location: str) -> str:
    """A web address for ``s3://BUCKET/KEY``, good for an hour for whoever has it: show it to nobody.

    Keys and endpoint are found as by every AWS tool: environment, shared files, the machine's role.
    """
    parts = urlsplit(location)
    own_store = bool(os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"))
    style = {"addressing_style": "path"} if own_store else {}
    try:
        session = botocore.session.get_session()
        client = session.create_client(
            "s3",
            region_name=session.get_config_variable("region") or "us-east-1",
            config=Config(signature_version="s3v4", s3=style),
        )
        signed: str = client.generate_presigned_url(
            "get_object",
            Params={"Bucket": parts.netloc, "Key": parts.path.lstrip("/")},
            ExpiresIn=SIGNED_FOR_S,
        )
    except BotoCoreError as error:
        raise CloudError(
            f"source {location!r} cannot be signed for: {str(error).rstrip('.')}. Set AWS_ACCESS_KEY_ID, "
            "AWS_SECRET_ACCESS_KEY and, for an object store of your own, AWS_ENDPOINT_URL_S3."
        ) from error
    return signed
