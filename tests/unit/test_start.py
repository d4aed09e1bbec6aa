"""What each process of a `pulumi` command imports as it starts: what takes long, only where it is used."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = {
    "openstack.connection",
    "openstack.compute.v2",
    "openstack.network.v2",
    "openstack.block_storage.v3",
}
HEAVY = SERVICES | {"ldap", "botocore", "pykickstart", "jinja2", "ruamel.yaml"}
SDK = {"pulumi.output", "pulumi.automation", "opentelemetry"}

PROGRAM = """
import ast, sys
nodes = [node for node in ast.parse(open("__main__.py").read()).body if isinstance(node, ast.Import | ast.ImportFrom)]
exec(compile(ast.Module(nodes, []), "imports", "exec"))
import gc
assert not gc.isenabled()
"""
PROVIDERS = """
import importlib, os, pathlib, pulumi.dynamic
for path in sorted(pathlib.Path("dynamic_providers").glob("*/provider.py")):
    if not os.fork():  # each may be the first that the host is asked for
        importlib.import_module(".".join(path.with_suffix("").parts))
        os._exit(0)
    os.wait()
"""


def imported(*arguments: str) -> set[str]:
    """The modules that a Python with ARGUMENTS imports until it ends, or until it has printed its first line."""
    with tempfile.TemporaryFile("w+") as told:
        with subprocess.Popen(
            [sys.executable, "-X", "importtime", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=told,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        ) as process:
            assert process.stdout is not None
            if process.stdout.readline():
                process.terminate()
        told.seek(0)
        text = told.read()
    assert "Traceback" not in text
    return set(re.findall(r"^import time:.*\| +(\S+)$", text, re.MULTILINE))


@pytest.mark.parametrize("code", [PROGRAM, PROVIDERS], ids=["program", "providers"])
def test_what_few_stacks_need_is_imported_where_it_is_used(code: str):
    modules = imported("-c", code)
    assert "openstack.exceptions" in modules
    assert modules & HEAVY == set()


def test_openstacks_plugin_starts_without_the_classes_of_the_services():
    modules = imported("-W", "ignore", "-m", "clients.plugin_clouds", "/bin/true")
    assert "openstack.config.loader" in modules
    assert modules & (HEAVY | SDK) == set()


def test_the_language_host_has_the_sdks_protocol_and_nothing_else_of_it():
    modules = imported("-P", "toolchain/language_host.py", "--runner", "runner", "127.0.0.1:1")
    assert "pulumi.runtime.proto.language_pb2" in modules
    assert modules & SDK == set()


def test_openstacksdk_is_whole_for_whoever_uses_it():
    code = "import clients, openstack; from openstack import exceptions; openstack.connection.Connection, openstack.connect"
    assert imported("-c", code) >= SERVICES


@pytest.mark.parametrize("name", ["login_files", "pull_request_comment"])
def test_what_ci_runs_with_the_systems_python_needs_no_package(name: str):
    code = f"import operations.{name}"
    subprocess.run(["/usr/bin/python3", "-S", "-c", code], cwd=ROOT, check=True)
