"""One folder a resource type that Pulumi's providers lack. Module and class names are part of stacks' state."""

import clients  # noqa: F401 - makes openstacksdk quick to import
