"""What concerns the Pulumi program as a whole: the SDK's settings, the OpenStack provider, resource options."""
