"""Gets the pinned Pulumi engine, its language host and plugins, and the program's Python.

Runs on Debian's own ``/usr/bin/python3`` with nothing but the standard library, because it comes before
any virtual environment. ``python3 -m toolchain install`` is the whole interface; see ``--help``.
"""
