# ruff: noqa: INP001 - a file of the simulated hosts, no module of a package here
"""FAKE list of kernel modules: a simulated host shares this machine's kernel, and may load nothing into it.

Ansible's modprobe module reads /proc/modules, which a kernel without modules does not even have. On a simulated host
it reads /etc/lab-modules instead, which lists what Kolla-Ansible wants loaded, so that it loads nothing. What that
does not prove: that the kernel has any of it.
"""

from __future__ import annotations

import builtins
from typing import Any

_open = builtins.open


def _open_or_list(file: Any, *arguments: Any, **options: Any) -> Any:
    return _open("/etc/lab-modules" if file == "/proc/modules" else file, *arguments, **options)


builtins.open = _open_or_list
