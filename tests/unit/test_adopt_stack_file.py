"""What is put into a stack file, and that nothing else of it changes."""

import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from clients.errors import CloudError
from operations.stack_file.entry import Entry, MissingId
from operations.stack_file.file import StackFile

TEXT = """\
# Why this file is as it is.
encryptionsalt: v1:abc=
config:
  private-cloud:openstack: {cloud: admin}   # the administrator

  # People
  private-cloud:domains:
    - name: corp   # the company
      description: "its people"

  private-cloud:networks:
    - name: old
      segments: [{physical_network: physnet1, vlan: 100}]  # rack 1
      subnets:
        - {name: v4, cidr: 10.1.0.0/24}
    # the last one ends here

  private-cloud:secret-thing:
    token:
      secure: v1:xyz
"""
VMS = {
    "name": "vms",
    "adopt": "n1",
    "segments": [{"physical_network": "physnet1", "vlan": 200}],
    "shared": True,
}


def file(text: str = TEXT) -> StackFile:
    return StackFile(Path("Pulumi.x.yaml"), text)


def added(section: str, *values: dict[str, Any], text: str = TEXT) -> str:
    return file(text).with_additions([Entry(section, "", value) for value in values], []).text


def test_an_entry_stands_at_the_end_of_its_section_and_every_other_line_stays() -> None:
    text = added("domains", {"name": "lab", "adopt": "d2"})
    assert text == TEXT.replace(
        '      description: "its people"\n',
        '      description: "its people"\n    - name: lab\n      adopt: d2\n',
    )


def test_a_comment_behind_the_last_entry_stays_behind_the_new_one_or_before_the_next_section() -> None:
    text = added("networks", VMS)
    assert [line for line in text.splitlines() if "#" in line] == [
        line for line in TEXT.splitlines() if "#" in line
    ]
    assert text.index("name: vms") < text.index("private-cloud:secret-thing")


def test_a_section_that_is_not_there_is_made_at_the_end_of_the_configuration() -> None:
    text = added("projects", {"name": "development", "adopt": "p1", "domain": "corp"})
    assert text == (
        f"{TEXT}\n  private-cloud:projects:\n    - name: development\n      adopt: p1\n      domain: corp\n"
    )


def test_the_empty_line_behind_an_entry_stays_before_the_next_section() -> None:
    text = "config:\n  private-cloud:networks:\n    - name: a\n      subnets:\n        - name: b\n          dns: [1, 2]\n\n  private-cloud:x: 1\n"
    new = "    - name: c\n      adopt: d\n"
    assert added("networks", {"name": "c", "adopt": "d"}, text=text) == text.replace("\n\n", f"\n{new}\n")


def test_a_document_s_start_stays() -> None:
    text = "---\nconfig:\n  private-cloud:domains:\n    - name: a\n"
    assert (
        added("domains", {"name": "b", "adopt": "d"}, text=text) == f"{text}    - name: b\n      adopt: d\n"
    )


def test_lists_keep_the_file_s_own_indentation() -> None:
    text = "config:\n  private-cloud:domains:\n  - name: a # b\n  # c\n  private-cloud:x: 1\n"
    assert added("domains", {"name": "lab", "adopt": "d2"}, text=text) == (
        "config:\n  private-cloud:domains:\n  - name: a # b\n  - name: lab\n    adopt: d2\n  # c\n  private-cloud:x: 1\n"
    )


def test_several_new_sections_come_in_the_order_in_which_they_are_given() -> None:
    entries = [Entry("projects", "", {"name": "a", "adopt": "1"}), Entry("grants", "", {"role": "b"})]
    text = file().with_additions(entries, []).text
    assert text.index("private-cloud:projects") < text.index("private-cloud:grants")


@pytest.mark.parametrize("nothing", ["", " []", " []  # none yet"])
def test_an_empty_section_is_filled(nothing: str) -> None:
    text = f"config:\n  private-cloud:networks:{nothing}\n  private-cloud:images: []\n"
    new = added("networks", VMS, text=text)
    assert yaml.safe_load(new)["config"]["private-cloud:networks"] == [VMS]
    assert ("# none yet" in new) == ("# none yet" in nothing)


def test_small_things_stand_on_one_line_and_named_ones_on_their_own() -> None:
    assert (
        "    - name: vms\n"
        "      adopt: n1\n"
        "      segments:\n"
        "        - {physical_network: physnet1, vlan: 200}\n"
        "      shared: true\n"
    ) in added("networks", VMS)


@pytest.mark.parametrize(
    "text", ["12", "1e5", "@x", "[a", "0123456789e123456789012345678901", "yes", "0x1f", "a: b", "# x"]
)
def test_what_some_yaml_would_not_read_as_text_is_quoted(text: str) -> None:
    new = added("projects", {"name": text, "adopt": text})
    assert yaml.safe_load(new)["config"]["private-cloud:projects"] == [{"name": text, "adopt": text}]
    assert f"adopt: '{text}'" in new


def test_everybody_of_ipv6_is_quoted_where_it_stands_within_a_line() -> None:
    route = {"destination": "::/0", "next_hop": "2001:db8::1"}
    new = added("networks", {**VMS, "host_routes": [route]})
    assert yaml.safe_load(new)["config"]["private-cloud:networks"][-1]["host_routes"] == [route]
    assert "{destination: '::/0', next_hop: 2001:db8::1}" in new


def test_an_id_is_put_into_an_entry_that_is_there() -> None:
    ids = [
        MissingId(("networks", 0), "", "n0"),
        MissingId(("networks", 0, "subnets", 0), "", "s0"),
        MissingId(("domains", 0), "", "d0"),
    ]
    text = file().with_additions([], ids).text
    assert text == (
        TEXT.replace("    - name: old\n", "    - name: old\n      adopt: n0\n")
        .replace("cidr: 10.1.0.0/24}", "cidr: 10.1.0.0/24, adopt: s0}")
        .replace("# the company\n", "# the company\n      adopt: d0\n")
    )


@pytest.mark.parametrize(
    "text",
    [
        "config:\n  private-cloud:networks: [{name: old}]\n",
        "config: {private-cloud:networks: []}\n",
        'config:\n  private-cloud:networks: "[]"\n',
        "config:\n  x: &all [{name: a}]\n  private-cloud:networks: *all\n",
    ],
)
def test_a_file_that_nothing_can_be_put_into_safely_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(CloudError, match="first"):
        added("networks", VMS, text=text)


def test_an_entry_that_two_keys_share_is_not_changed_for_both() -> None:
    text = "config:\n  x: &all\n    - name: a\n  private-cloud:networks: *all\n"
    with pytest.raises(CloudError, match="anchor"):
        added("networks", VMS, text=text)


def test_an_encrypted_value_is_a_secret_that_nobody_here_can_read() -> None:
    secret = file().keys["secret-thing"]["token"]
    assert repr(secret) == "SecretText(…)"


def test_the_file_is_replaced_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text(TEXT, encoding="utf-8")
    path.chmod(0o640)
    StackFile.read(path).with_additions([Entry("networks", "", VMS)], []).save()
    assert "name: vms" in path.read_text(encoding="utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_not_there_is_told_with_what_to_make(tmp_path: Path) -> None:
    with pytest.raises(CloudError, match=r"Pulumi\.x\.yaml cannot be read .* private-cloud:openstack"):
        StackFile.read(tmp_path / "Pulumi.x.yaml")
