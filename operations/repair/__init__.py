"""Repairs a stack after a `pulumi up` that was killed: its lock, what it left running, what it was just doing.

`lock.py` says who holds the lock and whether that process lives, `orphans.py` ends what a killed one left behind,
`pending.py` reads what was under way, `takeover.py` looks on the cloud for what the state does not know. `kinds.py` says
of every resource type how it comes back. `torn.py` removes what a kill
tore beside a state in files. `__main__.py` is the command that `make repair` runs.
"""
