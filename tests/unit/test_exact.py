"""clients/exact.py: what a service's filter answers with is compared to the letter; and nobody filters otherwise."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import requests

from clients import exact
from tests.python_source import tree
from tests.unit.fake_openstack import answer

ROOT = Path(__file__).parents[2]
PRODUCT = (
    "__main__.py",
    "clients",
    "components",
    "config",
    "dynamic_providers",
    "operations",
    "policy",
    "program",
)
TEXTS = {"name", "host", "description", "tags", "tag", "title", "source_compute"}
"""Query parameters that a service compares as its database does; ids and flags it cannot mistake."""
COMPARED = {
    "dynamic_providers/kolla_deployment/nova_host.py": {"instances"},  # by exact.only, page by page
    "dynamic_providers/keystone_domain_config/domain_config.py": {
        "wait_until_used"
    },  # that anything is found
    "operations/adopt/live.py": {"look"},  # compared where it is used
}


class Glance:
    """Answers like Glance on MariaDB: without case, in two pages."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, Any]] = []

    def get(self, url: str, params: dict[str, str] | None = None) -> requests.Response:
        self.requests.append((url, params))
        if url.endswith("marker=1"):
            return answer(200, {"images": [{"id": "2", "name": "debian"}]})
        return answer(200, {"images": [{"id": "1", "name": "Debian"}], "next": "/v2/images?marker=1"})


def test_only_what_is_equal_to_the_letter_is_found_over_all_pages() -> None:
    glance = Glance()
    _, found = exact.listed(glance, "images", {"name": "debian"}, {"visibility": "all"})
    assert found == [{"id": "2", "name": "debian"}]
    assert glance.requests == [
        ("/images", {"visibility": "all", "name": "debian"}),
        ("/images?marker=1", None),
    ]


def test_a_refusal_is_the_callers_to_judge() -> None:
    class Refusing:
        def get(self, _url: str, **_: Any) -> requests.Response:
            return answer(403, {})

    response, found = exact.listed(Refusing(), "users", {"name": "bot"})
    assert (response.status_code, found) == (403, [])


LISTING = {
    "domains", "projects", "users", "groups", "roles", "role_assignments", "application_credentials", "networks",
    "subnets", "ports", "routers", "security_groups", "agents", "servers", "services", "flavors", "images", "volumes",
    "aggregates", "segments", "types", "hypervisors",
}  # fmt: skip
"""openstacksdk's calls that list, whose keywords are filters of the service."""
IN_A_URL = re.compile(r"[?&](name|host|description|tags?|private_cloud_\w+)=")


def is_text(key: object) -> bool:
    return isinstance(key, str) and (key in TEXTS or key.startswith("private_cloud_"))


def by_a_text(node: ast.AST) -> bool:
    """Whether NODE gives a service a text to filter by, or something of which nobody can tell."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and bool(IN_A_URL.search(node.value))
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    called, keywords = node.func.attr, {keyword.arg: keyword.value for keyword in node.keywords}
    if called.startswith("find_") and called != "find_or_create":
        return True  # by name or id
    if called in LISTING and (None in keywords or any(is_text(key) for key in keywords)):
        return True
    params = keywords.get("params")
    keys = (
        [key for inner in ast.walk(params) if isinstance(inner, ast.Dict) for key in inner.keys]
        if params
        else []
    )
    return isinstance(params, ast.Name) or any(
        isinstance(key, ast.Constant) and is_text(key.value) for key in keys
    )


def filters(tree: ast.AST, function: str = "the module") -> list[tuple[str, int]]:
    """Where texts are given to a service as a filter: the innermost function's name and the line."""
    found = []
    for node in ast.iter_child_nodes(tree):
        inner = node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else function
        if by_a_text(node):
            found.append((inner, getattr(node, "lineno", 0)))
        found += filters(node, inner)
    return found


def sources() -> list[Path]:
    return sorted(
        path
        for name in PRODUCT
        for path in ([ROOT / name] if name.endswith(".py") else (ROOT / name).rglob("*.py"))
        if path != ROOT / "clients" / "exact.py"
    )


def test_nobody_else_takes_the_answer_of_a_filter_by_a_text_as_it_is() -> None:
    found = [
        (str(path.relative_to(ROOT)), function, line)
        for path in sources()
        for function, line in filters(tree(path.read_text(encoding="utf-8")))
    ]
    wrong = [one for one in found if one[1] not in COMPARED.get(one[0], set())]
    assert wrong == [], "use clients/exact.py"
    excepted = {(file, function) for file, functions in COMPARED.items() for function in functions}
    assert {(file, function) for file, function, _ in found} == excepted, "an exception that nobody needs"


@pytest.mark.parametrize(
    "text",
    [
        "def f(c):\n c.image.get('/images', params={'name': n})",
        "def f(c):\n c.image.get('/images', params=query)",
        "def f(c):\n c.network.networks(name=n)",
        "c.image.get('/images', params={'private_cloud_image': n})",
        "c.image.images(private_cloud_image=n)",
        "c.image.images(**query)",
        "c.network.find_network(n)",
        "c.identity.find_user(n, domain_id=d)",
        "c.image.get(f'/images?name={n}')",
        "c.compute.aggregates(name=n)",
    ],
)
def test_a_filter_is_recognised(text: str) -> None:
    assert filters(tree(text))
