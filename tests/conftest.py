"""Imports once, before warnings become errors, what warns whenever it is imported."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # its own deprecated classes, told on import
    import pulumi_openstack  # noqa: F401 - for what the import does
