"""What concerns the whole program: patches of Pulumi's SDK, the OpenStack provider, resource options."""
