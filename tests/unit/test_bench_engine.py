"""The whole-program benchmark: all three ways make the same plan, requests are counted, the cost is fitted."""

import http.server
import json
import re
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.engine import __main__ as program
from bench.engine import run, terraform
from bench.engine.configuration import configuration
from bench.engine.counter import CountingProxy, kind, proxy_address
from bench.engine.fit import Line, each_between
from bench.engine.leftovers import sweep
from bench.engine.plan import Plan
from bench.engine.playbook import playbooks
from bench.engine.report import Figures, report, table
from bench.engine.run import Command, Run
from bench.engine.stack_file import PASSWORD_VARIABLE, stack_file
from config.load import parse
from config.settings import Settings

SIZES = (10, 100, 500)


def settings_of(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv(PASSWORD_VARIABLE, "no secret")
    keys = yaml.safe_load(stack_file(plan, "lab-admin"))["config"]
    raw = {key.removeprefix("private-cloud:"): value for key, value in keys.items()}
    return parse(raw, file_name="Pulumi.bench.yaml", root=Path())


@pytest.mark.parametrize("size", SIZES)
def test_the_stack_file_is_a_right_one_with_as_many_resources_as_planned(size, monkeypatch):
    settings = settings_of(Plan(size), monkeypatch)
    subnets = [subnet for network in settings.networks for subnet in network.subnets]
    shares = [project for network in settings.networks for project in network.shared_with]
    sections = (settings.projects, settings.accounts, settings.grants, settings.networks, subnets, shares)
    assert sum(map(len, sections)) == size


@pytest.mark.parametrize("size", SIZES)
def test_three_of_ten_resources_are_dynamic_where_that_is_asked_for(size, monkeypatch):
    settings = settings_of(Plan(size, dynamic=True), monkeypatch)
    subnets = [subnet for network in settings.networks for subnet in network.subnets]
    shares = [project for network in settings.networks for project in network.shared_with]
    sections = (settings.projects, settings.accounts, settings.grants, settings.networks, subnets, shares)
    dynamic: tuple[list[object], ...] = (
        [project for project in settings.projects if project.default_security_group],
        [access for account in settings.accounts for access in account.access],
        [subnet for subnet in subnets if subnet.host_routes],
    )
    assert sum(map(len, dynamic)) == size * 3 // 10
    assert sum(map(len, sections)) + sum(map(len, dynamic)) == size


@pytest.mark.parametrize("size", SIZES)
def test_terraform_gets_as_many_resources_and_each_reference_names_one(size):
    written = json.loads(configuration(Plan(size), "lab-admin", "no secret"))
    resources = written["resource"]
    assert sum(map(len, resources.values())) == size
    declared = {f"{kind_}.{name}" for kind_, named in resources.items() for name in named}
    declared |= {f"data.{kind_}.{name}" for kind_, named in written["data"].items() for name in named}
    named_there = set(re.findall(r"\$\{(.+?)\.id\}", json.dumps(written)))
    assert named_there
    assert named_there <= declared


def test_the_playbook_has_an_item_for_each_resource():
    make, remove = (yaml.safe_load(text)[0] for text in playbooks(Plan(100), "lab-admin", "no secret"))
    blocks, subnets = make["vars"]["blocks"], make["vars"]["subnets"]
    # A project, a user, a network and a policy a block; its roles; the subnets.
    assert 4 * len(blocks) + sum(len(block["roles"]) for block in blocks) + len(subnets) == 100
    assert len(make["tasks"]) == 6
    assert remove["vars"] == make["vars"]


def test_ways_without_a_counterpart_refuse_dynamic_resources():
    for generate in (configuration, playbooks):
        with pytest.raises(ValueError, match="no counterpart"):
            generate(Plan(10, dynamic=True), "lab-admin", "no secret")


def test_a_plan_is_made_of_whole_blocks():
    with pytest.raises(ValueError, match="15 is no multiple"):
        Plan(15)


def test_the_proxy_listens_where_its_address_is_as_long():
    assert proxy_address("127.0.0.1") == "127.9.0.1"
    assert len(proxy_address("127.0.0.32")) == len("127.0.0.32")


@pytest.mark.parametrize(
    ("line", "counted"),
    [
        ("GET /v3/users?name=ci-runner HTTP/1.1", "keystone GET /v3/users"),
        ("GET / HTTP/1.1", "keystone GET /"),
        ("GET /v3/ HTTP/1.1", "keystone GET /v3"),
        ("GET /v3/projects/bench-007 HTTP/1.1", "keystone GET /v3/projects/NAME"),
        (
            f"PUT /v3/projects/{'0123abcd' * 4}/users/{'4567cdef' * 4}/roles/{'89ab0123' * 4} HTTP/1.1",
            "keystone PUT /v3/projects/*/users/*/roles/*",
        ),
        (
            "DELETE /v2.0/subnets/b2b1d1f0-33cb-4c1e-a3ea-4dbbb7b1d8a7 HTTP/1.1",
            "keystone DELETE /v2.0/subnets/*",
        ),
    ],
)
def test_requests_are_counted_without_ids_and_queries(line, counted):
    assert kind("keystone", line) == counted


class Service(http.server.BaseHTTPRequestHandler):
    """Answers with a link to itself, and with what it was sent."""

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
        body = json.dumps({"link": f"http://{self.headers['Host']}/v3", "sent": sent}).encode()
        self.send_response(201)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with http.server.HTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_what_comes_by_the_proxy_is_answered_counted_and_led_back_to_it(port):
    with CountingProxy("127.0.0.1", {"keystone": port}) as proxy:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        here = f"http://{proxy.address}:{port}/v3"
        for _ in range(2):
            with opener.open(here, data=b"abc", timeout=10) as answer:
                assert answer.status == 201
                assert json.load(answer) == {"link": here, "sent": "abc"}
        assert proxy.taken() == Counter({"keystone POST /v3": 2})
        assert proxy.taken() == Counter()


def test_a_port_that_is_taken_stops_the_proxy_and_its_thread(port):
    def open_twice() -> None:
        with CountingProxy("127.0.0.1", {"one": port, "two": port}):
            pass

    before = threading.active_count()
    with pytest.raises(OSError, match="address already in use"):
        open_twice()
    assert threading.active_count() == before


def test_a_line_is_found_again():
    line = Line.through({size: 2.0 + 0.25 * size for size in SIZES})
    assert line.start_s == pytest.approx(2.0)
    assert line.each_s == pytest.approx(0.25)


def test_a_cost_that_grows_shows_from_size_to_size():
    assert each_between({10: 1.0, 100: 10.0, 500: 90.0}) == pytest.approx({"10-100": 0.1, "100-500": 0.2})


def runs() -> list[Run]:
    """Ours costs 2 s and 0.03 s a resource, Terraform's 1 s and 0.02 s; half as many requests."""
    found = []
    for size in SIZES:
        for phase in ("up", "empty preview"):
            found += [
                Run(
                    "ours",
                    size,
                    phase,
                    2 + 0.03 * size + late,
                    0.01 * size,
                    {"keystone GET /": size},
                    load=1.0,
                )
                for late in (-0.1, 0, 0.1)
            ]
            found.append(
                Run("terraform", size, phase, 1 + 0.02 * size, 0.005 * size, {"keystone GET /": 2 * size})
            )
    return found


def test_the_ratios_are_of_medians_of_requests_and_of_what_each_resource_adds():
    ratios = Figures(runs()).ratios()
    assert ratios["ours/terraform, up of 100"] == pytest.approx(5 / 3)
    assert ratios["ours/terraform, requests of up of 100"] == pytest.approx(0.5)
    assert ratios["ours/terraform, each further resource of an empty preview"] == pytest.approx(1.5)
    assert ratios[
        "ours/terraform, processor time of each further resource of an empty preview"
    ] == pytest.approx(2)


def test_the_results_have_each_way_with_its_spread_and_the_load():
    found = report(Figures(runs()))
    assert found["ways"]["ours, up of 100"] == pytest.approx(
        {
            "median_s": 5.0,
            "min_s": 4.9,
            "max_s": 5.1,
            "median_cpu_s": 1.0,
            "rounds": 3,
            "requests": 100,
            "load": 1.0,
        }
    )
    assert found["lines"]["terraform, up"]["start_s"] == pytest.approx(1.0)
    assert found["requests"]["ours, up of 500"] == {"keystone GET /": 500}
    assert json.loads(json.dumps(found)) == found


def test_the_table_says_which_reach_a_ratio_has():
    assert re.search(r"ours/terraform, up of 100 +1\.67 \(at most 1\.1\)", table(Figures(runs())))


def test_each_way_runs_at_each_size_as_often_as_asked():
    found = Counter((way, size) for _, way, size in program.schedule({10: 3, 500: 1}, ["ours", "ansible"]))
    assert found == {("ours", 10): 3, ("ansible", 10): 3, ("ours", 500): 1, ("ansible", 500): 1}


def test_runs_are_read_back_as_they_were_written(tmp_path):
    path = tmp_path / "runs.jsonl"
    assert run.read(path) == []
    for one in runs():
        one.append_to(path)
    assert run.read(path) == runs()


@dataclass(frozen=True)
class Named:
    name: str


class Listed:
    """A FAKE of openstacksdk's proxies: what is there by kind, and what was removed."""

    def __init__(self, *names: str) -> None:
        self._there = [Named(name) for name in names]
        self.removed: list[str] = []

    def __getattr__(self, method: str) -> Any:
        if method.startswith("delete_"):
            return lambda one, **_: self.removed.append(f"{method}: {one.name}")
        return lambda: list(self._there)


@dataclass(frozen=True)
class Cloud:
    network: Listed
    identity: Listed


def test_only_what_bears_the_name_of_a_block_is_swept():
    names = ("bench-004", "bench-004-1", "workbench-004", "admin")
    cloud = Cloud(Listed(*names), Listed(*names))
    assert sweep(cloud) == 3  # type: ignore[arg-type] # a fake
    assert cloud.network.removed == ["delete_network: bench-004"]
    assert cloud.identity.removed == ["delete_user: bench-004", "delete_project: bench-004"]


class NothingCounted:
    def taken(self) -> Counter[str]:
        return Counter()


def test_a_phase_that_fails_is_followed_by_the_one_that_removes_everything(tmp_path):
    fails = Command(("false",), tmp_path, {})
    removes = Command(("touch", "removed"), tmp_path, {"PATH": "/usr/bin:/bin"})
    with pytest.raises(RuntimeError, match="`false` failed with 1"):
        list(run.measured("ours", 10, [("up", fails), ("destroy", removes)], NothingCounted()))
    assert (tmp_path / "removed").exists()


def test_a_command_that_says_otherwise_than_meant_has_failed(tmp_path):
    command = Command(("echo", "3 changed"), tmp_path, {"PATH": "/usr/bin:/bin"}, says=("No changes.",))
    with pytest.raises(RuntimeError, match="did not say"):
        command.run()


def test_terraforms_provider_is_the_code_that_our_plugin_wraps():
    assert len(terraform.sums(terraform.PROVIDER).splitlines()) == 2
    assert f" v{terraform.provider_version()} h1:" in terraform.sums(terraform.PROVIDER)
