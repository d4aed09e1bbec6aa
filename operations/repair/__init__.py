"""Repairs a stack after a `pulumi up` that was killed: its lock, what it left running, what it was just doing.

`lock.py` says who holds the lock and whether that process lives, `left_behind.py` ends what a killed one left running and
removes what it tore, `planned.py` reads what was under way, `takeover.py` looks on the cloud for what the state does not
know. `kinds.py` says of every resource type how it comes back. `__main__.py` is the command that `make repair` runs.
"""
