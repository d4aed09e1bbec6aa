"""One file or folder a system: a context-managed connection, its timeouts, what is retried, its errors. No Pulumi.

openstacksdk's `__init__` imports the classes of all services, which takes longer than the rest of it. So it runs when
`openstack.connect` or `openstack.connection` is first used, not when one of the package's modules is imported.
"""

import sys
from importlib.util import find_spec, module_from_spec
from typing import Any

_spec = find_spec("openstack")
# Some commands run with the system's Python, which has none.
if "openstack" not in sys.modules and _spec and _spec.loader:
    _package = sys.modules["openstack"] = module_from_spec(_spec)
    _run = _spec.loader.exec_module

    def _attribute(name: str) -> Any:
        if name not in {"connect", "connection", "enable_logging"}:
            raise AttributeError(name)
        _run(_package)
        return vars(_package)[name]

    vars(_package)["__getattr__"] = _attribute
