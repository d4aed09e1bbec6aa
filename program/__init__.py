"""What concerns the whole program: patches of Pulumi's SDK, the OpenStack provider, resource options."""

import clients  # noqa: F401 - makes openstacksdk quick to import
