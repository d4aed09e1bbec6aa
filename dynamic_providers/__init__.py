"""One folder a resource type that Pulumi's providers lack. Module and class names are part of stacks' state."""
