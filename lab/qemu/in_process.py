"""Run a program of OpenStack that needs privileges, and has them, without its privsep helpers.

Each helper is a Python of its own with all that the program has imported: 40 to 110 MiB, and seconds of a processor
before it has done anything. Neutron's agents would have five. They run as root here, so they do themselves what they
would ask a helper for. (nova-compute keeps its helpers: it forbids what this import brings along.)

Usage, by the lab's own interpreter: in_process.py PROGRAM ARGUMENT...
"""

from __future__ import annotations

import functools
import runpy
import sys


def main() -> None:
    """Have every privileged function called where it is asked for, and become the program."""
    from oslo_privsep import priv_context  # noqa: PLC0415 - only the lab's venv has it

    made = priv_context.PrivContext.__init__

    @functools.wraps(made)
    def made_for_this_process(self: priv_context.PrivContext, *arguments: object, **options: object) -> None:
        made(self, *arguments, **options)
        self.set_client_mode(False)

    priv_context.PrivContext.__init__ = made_for_this_process
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
