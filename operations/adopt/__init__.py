"""Takes over what a running cloud holds: writes its stack-file entries, and has Pulumi import it.

`live.py` looks at the cloud, `keystone.py` and `neutron.py` turn what is there into entries, `fit.py` drops what
the stack file cannot say, `operations/stack_file` writes the rest, `operations/engine.py` and `plan.py` have Pulumi import
it and nothing else. `__main__.py` is the command that `make adopt` runs.
"""
