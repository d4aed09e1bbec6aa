"""The report as text: nothing hostile gets through, nothing secret, and every cloud can be drawn."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from operations.report.change import changes
from operations.report.cloud_map import cloud_map
from operations.report.drift import Drift, drift
from operations.report.policy import Violation
from operations.report.redaction import clean, shown, text
from operations.report.rendering import LONGEST, markdown, page, plain
from operations.report.report import Report
from operations.report.risk import NotKnown, Risk
from operations.report.rules.judge import Judged, judge
from program.version import version
from tests.unit.report_cloud import CLOUD, HOST, IMAGE, LIVE, NETWORK, PROJECT, SUBNET, step

HOSTILE = "<script>alert(1)</script>|`x`\n# @everyone ![a](http://evil.example/x) \"'&"
CIPHER = "v1:zjY8bsqoYZgAAAAA:SNI5SKMoJCy4OHMqiEZjPqY2sdcKBG9ct5wn5BuT"
CANARY = "correct-horse-battery"
SIGNATURE = "4dabf18193072939515e22adb298388d"
SHARE = "openstack:networking/rbacPolicyV2:RbacPolicyV2"


def report_of(*steps: dict[str, Any], **parts: Any) -> Report:
    """The report of these STEPS."""
    everything = changes({"steps": list(steps)})
    judged = tuple(Judged(one, judge(one, CLOUD)) for one in everything if one.happens)
    drawn = cloud_map(everything, judged, LIVE.generations)
    made = Report("dev", judged, len(everything) - len(judged), (), (), (), (), drawn)
    return replace(made, **parts)


def network(op: str, name: str, vlan: int = 100, **more: Any) -> dict[str, Any]:
    inputs = {
        "name": name,
        "segments": [{"physicalNetwork": "physnet1", "segmentationId": float(vlan)}],
        **more,
    }
    return step(op, NETWORK, name, id=f"id-{name}", new=inputs, **({} if op == "create" else {"old": inputs}))


def host(name: str, *vlans: int, op: str = "same") -> dict[str, Any]:
    inputs = {
        "ssh": {"name": name, "address": "10.1.0.5"},
        "roles": ["compute"],
        "links": ["eno1", "eno2"],
        "vlans": list(vlans),
        "network": json.dumps({"bond_mode": "active-backup"}),
    }
    return step(op, HOST, name, old=inputs, new=inputs)


class Reader(HTMLParser):
    """Every element and attribute of a page, whether each is closed, and the lines of its boxes as a person reads them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.folded: list[bool] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag != "meta":
            self.open.append(tag)
        if tag in {"p", "summary"}:
            self.texts.append("")
            self.folded.append(self.open.count("details") > (tag == "summary"))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"p", "summary"} & set(self.open):
            self.texts[-1] += data

    @property
    def lines(self) -> list[str]:
        """Paragraphs and summaries, as they are read."""
        return [" ".join(text.split()) for text in self.texts]

    @property
    def visible(self) -> list[str]:
        """The lines that are read without unfolding anything."""
        return [line for line, folded in zip(self.lines, self.folded, strict=True) if not folded]


def hostile_report() -> Report:
    return report_of(
        network("create", HOSTILE),
        step("create", SUBNET, f"{HOSTILE}/{HOSTILE}", new={"cidr": HOSTILE, "name": HOSTILE}),
        step(
            "update", PROJECT, f"{HOSTILE}@{HOSTILE}", old={"description": ""}, new={"description": HOSTILE}
        ),
        step("create", IMAGE, HOSTILE, new={"sha256": HOSTILE, "pool": "a", "ceph_user": "b"}),
        host(HOSTILE, 100, op="update"),
        stack=HOSTILE,
        drift=(Drift(HOSTILE, HOSTILE, HOSTILE, HOSTILE),),
        violations=(Violation("mandatory", HOSTILE, HOSTILE, HOSTILE, HOSTILE),),
        warnings=(HOSTILE,),
        errors=(HOSTILE,),
    )


def test_no_name_becomes_an_element_of_the_page() -> None:
    html = page(hostile_report())
    reader = Reader(html)
    assert "script" not in reader.elements
    assert "img" not in reader.elements
    assert "<script" not in html
    assert "alert(1)" in html, "the names are on the page"


def test_the_page_refers_to_nothing_outside_itself_and_forbids_it() -> None:
    reader = Reader(page(hostile_report()))
    assert not {"a", "link", "img", "iframe", "object", "base", "form"} & set(reader.elements)
    assert not {"src", "href", "style", "onclick", "onload"} & {name for name, _ in reader.attributes}
    policies = [value for name, value in reader.attributes if value.startswith("default-src 'none'")]
    assert len(policies) == 1
    assert "url(" not in page(report_of())


def test_no_name_breaks_the_markdown() -> None:
    message = markdown(hostile_report())
    assert "<script" not in message
    assert "\n# @everyone" not in message
    assert "@everyone" not in message
    assert not re.search(r"(?<!\\)\]\(", message)
    for line in message.splitlines():
        if line.startswith("| "):
            assert len(re.findall(r"(?<!\\)\|", line)) in {3, 4, 5}
    (row,) = (line for line in message.splitlines() if line.startswith("| **mandatory**"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 5


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("a|b", r"a\|b"),
        ("`a`", r"\`a\`"),
        ("one\n\n# two", "one # two"),
        ("@team see #12", "@&#8203;team see #&#8203;12"),
        ("nightly@Default", "nightly@Default"),
        ("<b>", "&lt;b&gt;"),
        ("http://x", "http:&#8203;//x"),
        ("a\\|b", r"a\\\|b"),
    ],
)
def test_what_markdown_would_take_for_its_own_is_told_as_it_is(given: str, made: str) -> None:
    assert plain(given) == made


def test_no_secret_gets_into_any_output() -> None:
    secret = {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": CIPHER, "plaintext": CANARY}
    old = {
        "password": CANARY,
        "extra": {"nested": [{"token": CANARY, "deep": secret}]},
        "stdin": CANARY,
        "marked": CANARY,
        "sealed": secret,
        "text": f"see {CIPHER}",
    }
    new = {**old, "password": f"{CANARY}2", "marked": f"{CANARY}3", "text": f"now {CIPHER}", "sealed": secret}
    made = step(
        "update",
        "openstack:identity/user:User",
        "nightly",
        old=old,
        new=new,
        diffReasons=["password", "extra", "stdin", "marked", "sealed", "text"],
    )
    made["oldState"]["additionalSecretOutputs"] = made["newState"]["additionalSecretOutputs"] = ["marked"]
    report = report_of(made, warnings=(text(f"it was {CIPHER}"),))
    for message in (markdown(report), page(report), json.dumps(report.as_data())):
        assert CANARY not in message
        assert CIPHER not in message
        assert "a secret" in message


def refreshed(op: str, kind: str, old: dict[str, Any], new: dict[str, Any] | None, **more: Any) -> str:
    """A line of a refresh's event log."""
    states = {
        side: inputs
        and {"type": kind, "custom": True, "inputs": inputs, "outputs": more.get(f"{side}_outputs", {})}
        for side, inputs in (("old", old), ("new", new))
    }
    urn = f"urn:pulumi:dev::private-cloud::{kind}::thing"
    return json.dumps({"resOutputsEvent": {"metadata": {"op": op, "urn": urn, **states}}})


def test_drift_is_what_was_declared_beside_what_is_real_and_no_secret() -> None:
    kind = "openstack:identity/user:User"
    log = [
        refreshed("update", kind, {"password": "a1", "email": "x"}, {"password": "b2", "email": "y"}),
        refreshed("delete", NETWORK, {"name": "vms"}, None),
        refreshed("same", NETWORK, {"name": "a"}, {"name": "b"}),
        refreshed("update", "pulumi:providers:openstack", {"a": 1}, {"a": 2}),
        "{",
    ]
    assert drift(log) == (
        Drift("account thing", "email", "x", "y"),
        Drift("network thing", "", "there", "it is not there any more"),
    )


def test_what_a_dynamic_provider_found_by_reading_is_drift() -> None:
    new = {"damage": ["snapshot snap is not protected"], "size": 2}
    log = [
        refreshed(
            "update",
            IMAGE,
            {"name": "a"},
            {"name": "a"},
            old_outputs={"damage": [], "size": 1},
            new_outputs=new,
        )
    ]
    assert drift(log) == (Drift("image thing", "damage", "as declared", "snapshot snap is not protected"),)


def test_what_is_not_known_yet_has_words() -> None:
    assert shown(clean("04da6b54-80e4-46f7-96ec-b56ff0331ba9")) == "known once it is made"


def test_long_values_are_cut_and_whole_numbers_are_whole() -> None:
    assert shown({"vlan": 200.0}) == '{"vlan": 200}'
    assert len(shown("x" * 5000)) == 160


def test_an_empty_cloud_is_told() -> None:
    report = report_of()
    assert "declares nothing that could be shown" in page(report)
    assert "nothing changes" in markdown(report)


def test_a_cloud_of_300_networks_is_shown_whole_and_what_changes_comes_first() -> None:
    steps = []
    for number in range(300):
        name = f"network-{number:03}"
        steps.append(network("create" if number >= 290 else "same", name, number + 1))
        steps += [
            step("same", SUBNET, f"{name}/v{index}", old={"cidr": "10.0.0.0/24"}, new={"cidr": "10.0.0.0/24"})
            for index in range(number % 31)
        ]
    reader = Reader(page(report_of(*steps)))
    assert len([line for line in reader.lines if line.startswith("network-")]) == 300
    shown = [line for line in reader.visible if line.startswith("network-")]
    assert len(shown) == 60
    assert [line for line in shown if "create: harmless" in line] == [
        f"network-{number} VLAN {number + 1} on physnet1 create: harmless" for number in range(290, 300)
    ]
    assert "and 240 more" in reader.visible
    assert "and 10 more" in reader.lines, "a network with 30 subnets"


def test_what_changes_and_is_folded_is_counted() -> None:
    reader = Reader(page(report_of(*(network("create", f"network-{number}") for number in range(70)))))
    assert "and 10 more, 10 of which change" in reader.visible


def test_shares_and_trunks_are_told_at_the_network_and_at_the_host() -> None:
    share = {"objectId": "x", "targetTenant": "y"}
    reader = Reader(
        page(
            report_of(
                network("same", "vms", 120, shared=True),
                step("create", SHARE, "vms/lab@corp", new=share),
                host("compute-1", 120, 130),
            )
        )
    )
    for line in ("for project lab@corp create: harmless", "for every project", "VLAN 120: vms", "VLAN 130"):
        assert line in reader.lines


def test_a_report_that_is_too_long_for_a_comment_is_cut_and_says_so() -> None:
    report = report_of(*(network("create", f"network-{number:05}") for number in range(3000)))
    message = markdown(report)
    assert len(message) <= LONGEST + 200
    assert "Cut here" in message
    assert message.count("<details>") == message.count("</details>")


def test_the_map_marks_what_changes_by_a_word_and_shows_lineage_vlans_and_bonds() -> None:
    old = {"sha256": "a" * 64, "owner_stack": "private-cloud/dev", "pool": "images", "ceph_user": "import"}
    image = step(
        "update", IMAGE, "debian", old=old, new={**old, "sha256": "b" * 64}, outputs={"glance_id": "g1"}
    )
    reader = Reader(page(report_of(network("create", "vms", 120), host("compute-1", 120), image)))
    for line in (
        "vms VLAN 120 on physnet1 create: harmless",
        "compute-1 10.1.0.5",
        "bond of eno1 and eno2, active-backup",
        "debian update: harmless",
        "g0: former, of 2026-11-01, hidden",
        "g1: now; becomes the former",
        "sha256 bbbbbbbb: will be imported",
    ):
        assert line in reader.lines


def test_every_table_has_heads_of_columns_and_of_rows() -> None:
    html = page(hostile_report())
    assert html.count("<table>") == html.count("<thead>") > 0
    assert 'scope="col"' in html
    assert 'scope="row"' in html


def test_every_form_of_the_report_names_the_programs_version() -> None:
    report = report_of(step("create", PROJECT, "p"))
    assert f"private-cloud {version()}" in page(report)
    assert f"private-cloud {version()}" in markdown(report)
    assert report.as_data()["version"] == version()


def test_the_classes_are_ordered_and_counted() -> None:
    report = report_of(network("create", "a"), network("delete", "vms"))
    assert report.risk is Risk.INTERRUPTS
    assert report.counts == {
        Risk.NEEDS_A_PERSON: 0,
        Risk.LOSES_DATA: 0,
        Risk.INTERRUPTS: 1,
        Risk.HARMLESS: 1,
    }


def test_each_dependent_is_counted_once_in_the_sum_and_what_is_unknown_stays_so() -> None:
    gone = [
        step("delete", PROJECT, "development@corp", id="p1", old={"name": "a"}),
        step("delete", PROJECT, "testing@corp", id="p2", old={"name": "b"}),
        step("delete", NETWORK, "vms", id="n1", old={"name": "vms"}),
    ]
    radius = {fact.what: fact.count for fact in report_of(*gone).radius}
    assert radius["instances"] == 3  # two of them are called web
    blind = replace(report_of(*gone), drift=NotKnown("it was not looked for"))
    assert "Not known: it was not looked for" in markdown(blind)
    assert "Not known: it was not looked for" in page(blind)


def test_the_style_sheet_is_the_one_whose_hash_the_policy_of_the_page_names() -> None:
    html = page(report_of())
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in html
