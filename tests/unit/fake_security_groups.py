"""A fake Neutron with one security group, at the REST level.

It answers as Neutron 29 did in the lab. It proves nothing of what Neutron refuses, nor of two runs at once:
tests/lab/test_project_limits.py and tests/lab/test_security_groups.py show a real one.
"""

import json
from typing import Any

import requests

from clients.neutron.security_group_rules import Rule

GROUP = "/security-groups/g1"


def answer(status: int, body: dict[str, Any] | None = None) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = b"" if body is None else json.dumps(body).encode()
    return response


def refused(status: int, kind: str) -> requests.Response:
    return answer(status, {"NeutronError": {"type": kind, "message": f"{kind} it is.", "detail": ""}})


def stored(rule: Rule, **fields: Any) -> dict[str, Any]:
    return {**rule.for_neutron("g1", "p1"), **fields}


class FakeNeutron:
    """A security group g1 with rules by their ids; `changes` tells what was asked of it, in order."""

    def __init__(self, *rules: Rule) -> None:
        self.network = self.compute = self
        self.rules: dict[str, dict[str, Any]] = {
            f"r{number}": stored(rule) for number, rule in enumerate(rules)
        }
        self.makes_groups = self.there = True
        self.named_elsewhere = self.in_use = False
        self.template: list[dict[str, Any]] | None = []
        self.conflict = ""
        self.ports: list[dict[str, str]] = []
        self.namesakes: list[dict[str, str]] = []
        self.changes: list[str] = []

    def get(self, url: str, params: dict[str, str] | None = None) -> requests.Response:
        filters = {
            "/security-groups": {"project_id": "p1", "name": "default"},
            "/ports": {"security_groups": "g1"},
        }
        assert params == filters.get(url, params)
        found = self._found(url)
        return answer(404, {}) if found is None else answer(200, found)

    def _found(self, url: str) -> dict[str, Any] | None:
        group = {"id": "g1", "name": "default", "project_id": "p1"}
        naming = [
            {"security_group_id": "g1"},
            *([{"security_group_id": "g2"}] if self.named_elsewhere else []),
        ]
        rules = [{"id": rule_id, **rule} for rule_id, rule in self.rules.items()]
        server = url.removeprefix("/servers/")
        found: dict[str, dict[str, Any] | None] = {
            "/security-groups": {"security_groups": [group, *self.namesakes] if self.makes_groups else []},
            "/security-group-rules": {"security_group_rules": naming},
            "/default-security-group-rules": None
            if self.template is None
            else {"default_security_group_rules": self.template},
            "/ports": {"ports": self.ports},
            f"/servers/{server}": None if server == "hidden" else {"server": {"name": f"vm-{server}"}},
            GROUP: {"security_group": {**group, "security_group_rules": rules}} if self.there else None,
        }
        return found[url]

    def post(self, url: str, json: dict[str, Any]) -> requests.Response:
        assert url == "/security-group-rules"
        if self.conflict:
            return refused(409, self.conflict)
        rule = json["security_group_rule"]
        assert (rule["security_group_id"], rule["project_id"]) == ("g1", "p1")
        self.changes.append("add")
        self.rules[f"n{len(self.changes)}"] = rule
        return answer(201, {})

    def delete(self, url: str) -> requests.Response:
        if url == GROUP:
            if self.in_use:
                return refused(409, "SecurityGroupInUse")
            self.changes.append("delete group")
            return answer(204 if self.there else 404)
        rule_id = url.removeprefix("/security-group-rules/")
        self.changes.append(f"remove {rule_id}")
        return answer(204 if self.rules.pop(rule_id, None) else 404)

    @property
    def live(self) -> set[Rule]:
        return {Rule.of_neutron(rule, "g1") for rule in self.rules.values()}
