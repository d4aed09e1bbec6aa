"""Machines with owners: who has one, when it is made anew, what becomes of it when somebody leaves, and its user data."""

from datetime import UTC, date, datetime
from email import message_from_string
from typing import Any

import pytest

from dynamic_providers.server_fleet.declared import ANNOUNCED, DELETION, LEFT, OWNER, Member
from dynamic_providers.server_fleet.manners import Manners, lease_end
from dynamic_providers.server_fleet.people import Person, TwoHomesError, people
from dynamic_providers.server_fleet.plan import Action, Step, plan
from dynamic_providers.server_fleet.server import MEMBER
from dynamic_providers.server_fleet.user_data import composed, differences, digest_of, keys_in, public_key
from tests.unit.test_fleet_plan import OTHER, WANTED, server

TODAY = date(2026, 11, 29)
ANNA = Member(name="web-01", port_ids=["port-1"], owner="anna", home="v1")
OWNED = {OWNER: "anna", LEFT: "", DELETION: ""}


def says(account: str, machine: str, left: str = "", deletion: str = "") -> dict[str, str]:
    return {OWNER: account, MEMBER: machine, LEFT: left, DELETION: deletion}


def found(
    accounts: list[str] | None,
    servers: list[dict[str, str]],
    homes: dict[str, dict[str, str]] | None = None,
    keep_days: int = 30,
) -> dict[str, tuple[str, str]]:
    there, _ = people("dev", accounts, servers, homes or {}, keep_days=keep_days, today=TODAY)
    return {person.account: (person.left, person.deletion) for person in there}


def test_the_members_of_the_group_have_a_machine_each() -> None:
    there, without = people("dev", ["anna", "Bram.X"], [], {}, keep_days=30, today=TODAY)
    assert there == [Person("anna", "dev-anna"), Person("Bram.X", "dev-bram-x")]
    assert without == []


LONG_AGO, RECENTLY = "2026-10-30", "2026-10-31"  # 30 days before today, and 29


@pytest.mark.parametrize(
    ("accounts", "server_says", "home_says", "expected"),
    [
        (["anna"], ("", ""), ("", ""), ("", "")),
        ([], ("", ""), ("", ""), ("2026-11-29", "")),
        ([], (RECENTLY, ""), (RECENTLY, ""), (RECENTLY, "")),
        ([], (RECENTLY, ""), None, (RECENTLY, "")),
        ([], None, (RECENTLY, ""), (RECENTLY, "")),
        ([], ("", ""), (RECENTLY, ""), (RECENTLY, "")),  # killed between the two
        ([], (LONG_AGO, ""), (LONG_AGO, ""), (LONG_AGO, ANNOUNCED)),
        ([], (LONG_AGO, ANNOUNCED), (LONG_AGO, ""), (LONG_AGO, ANNOUNCED)),  # killed between the two
        ([], (LONG_AGO, ANNOUNCED), (LONG_AGO, ANNOUNCED), None),
        ([], (RECENTLY, ANNOUNCED), (RECENTLY, ANNOUNCED), (RECENTLY, "")),  # keep_days was raised
        (["anna"], (LONG_AGO, ANNOUNCED), (LONG_AGO, ANNOUNCED), ("", "")),
        (None, ("", ""), ("", ""), ("", "")),
        (None, (LONG_AGO, ""), (LONG_AGO, ""), (LONG_AGO, "")),
        (None, (LONG_AGO, ANNOUNCED), (LONG_AGO, ANNOUNCED), (LONG_AGO, ANNOUNCED)),
    ],
)
def test_who_left_is_kept_then_announced_and_then_given_up(
    accounts: list[str] | None,
    server_says: tuple[str, str] | None,
    home_says: tuple[str, str] | None,
    expected: tuple[str, str] | None,
) -> None:
    servers = [says("anna", "dev-anna", *server_says)] if server_says else []
    homes = {"v1": says("anna", "dev-anna", *home_says)} if home_says else {}
    bram = says("bram", "dev-bram")
    known = None if accounts is None else [*accounts, "bram"]
    assert found(known, [*servers, bram], homes) == {
        **({"anna": expected} if expected else {}),
        "bram": ("", ""),
    }


def test_of_two_who_would_share_a_machine_neither_gets_one_and_both_are_named() -> None:
    there, without = people("dev", ["j.doe", "j-doe", "anna"], [], {}, keep_days=30, today=TODAY)
    assert [person.account for person in there] == ["anna"]
    assert all("'j.doe'" in sentence and "'j-doe'" in sentence for sentence in without)
    assert len(without) == 2


@pytest.mark.parametrize("newcomer", ["j-doe", "jóhn"])
def test_who_has_a_machine_keeps_it_whoever_comes(newcomer: str) -> None:
    first = "j.doe" if newcomer == "j-doe" else "john"
    has = [says(first, f"dev-{first.replace('.', '-')}")]
    there, without = people("dev", [newcomer, first], has, {}, keep_days=30, today=TODAY)
    assert [(person.account, person.left) for person in there] == [(first, "")]
    assert len(without) == 1


def test_nobody_gets_the_machine_of_somebody_else_who_left() -> None:
    has = [says("j.doe", "dev-j-doe")]
    there, without = people("dev", ["j-doe"], has, {}, keep_days=30, today=TODAY)
    assert [(person.account, person.left) for person in there] == [("j.doe", "2026-11-29")]
    assert "when that of somebody who left is deleted" in without[0]


def test_another_spelling_is_the_same_account() -> None:
    assert found(["Anna"], [says("anna", "dev-anna")]) == {"Anna": ("", "")}


def test_two_homes_of_one_person_are_refused() -> None:
    with pytest.raises(TwoHomesError, match="v1 and v2"):
        found(["anna"], [], {"v1": says("anna", "dev-anna"), "v2": says("anna", "dev-anna")})


def decided(how: Manners, member: Member = ANNA, **fields: Any) -> Step:
    wanted = fields.pop("wanted", WANTED)
    fields["also"] = OWNED | fields.pop("also", {})
    (step,) = plan(wanted, [member], [server(**{"volumes": ("v1",), **fields})], how)
    return step


NEW_IMAGE = WANTED.model_copy(update={"sha256": "b" * 64})
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
CALM = Manners(opportunistic=True, deadline_days=14, image_created=date(2026, 11, 16), now=NOW)
DUE = Manners(opportunistic=True, deadline_days=14, image_created=date(2026, 11, 15), now=NOW)
ASKED = {"renew": "yes"}


@pytest.mark.parametrize(
    ("how", "fields", "action", "words"),
    [
        (CALM, {}, Action.SAME, ""),
        (CALM, {"wanted": NEW_IMAGE}, Action.POSTPONED, "waits for its owner (renew=yes) or 2026-11-30"),
        (DUE, {"wanted": NEW_IMAGE}, Action.REBUILD, "its image is aaaa"),
        (Manners(), {"wanted": NEW_IMAGE}, Action.REBUILD, ""),
        (CALM, {"wanted": NEW_IMAGE, "also": ASKED}, Action.REBUILD, ""),
        (CALM, {"also": ASKED}, Action.REBUILD, "its owner asks for it"),
        (CALM, {"also": {"renew": "no"}}, Action.SAME, ""),
        (DUE, {"wanted": OTHER}, Action.POSTPONED, "waits for its owner (renew=yes)"),
        (DUE, {"wanted": NEW_IMAGE, "locked": True}, Action.POSTPONED, "locked in Nova"),
        (DUE, {"wanted": NEW_IMAGE, "also": {"lease_until": "2026-11-29"}}, Action.POSTPONED, "leased until 2026-11-29"),
        (DUE, {"wanted": NEW_IMAGE, "also": {"lease_until": "2026-11-28"}}, Action.REBUILD, ""),
        (DUE, {"also": ASKED | {"lease_until": "2026-12-24"}}, Action.POSTPONED, "leased until"),
        (DUE, {"wanted": NEW_IMAGE, "also": {"lease_until": "soon"}}, Action.POSTPONED, "'soon' is no day"),
        (CALM, {"status": "ERROR"}, Action.REBUILD, "in ERROR"),
        (CALM, {"volumes": ()}, Action.UPDATE, "its home is not attached"),
        (CALM, {"volumes": (), "member": ANNA.model_copy(update={"held": "in use"})}, Action.POSTPONED, "and in use"),
        (DUE, {"wanted": NEW_IMAGE, "member": ANNA.model_copy(update={"held": "no key"})}, Action.POSTPONED, "no key"),
        (CALM, {"also": {LEFT: "2026-11-01"}, "status": "SHUTOFF"}, Action.START, "anna is back"),
        (Manners(opportunistic=True, deadline_days=14, now=NOW), {"wanted": NEW_IMAGE}, Action.POSTPONED, "or 14 days"),
    ],
)  # fmt: skip
def test_a_machine_waits_for_its_owner_the_deadline_a_lease_and_a_lock(
    how: Manners, fields: dict[str, Any], action: Action, words: str
) -> None:
    step = decided(how, **fields)
    assert (step.action, words in step.reason) == (action, True), step


GONE = ANNA.model_copy(update={"left": "2026-11-01"})


@pytest.mark.parametrize(
    ("member", "fields", "action", "words"),
    [
        (GONE, {}, Action.STOP, "anna left on 2026-11-01; it is kept until 2026-12-01"),
        (GONE, {"wanted": NEW_IMAGE}, Action.STOP, ""),
        (GONE, {"locked": True}, Action.POSTPONED, "locked in Nova"),
        (GONE, {"status": "SHUTOFF"}, Action.UPDATE, ""),
        (GONE, {"status": "SHUTOFF", "also": {LEFT: "2026-11-01"}}, Action.SAME, ""),
        (GONE.model_copy(update={"deletion": ANNOUNCED}), {"status": "SHUTOFF"}, Action.UPDATE, "the next run deletes it and its home"),
    ],
)  # fmt: skip
def test_the_machine_of_somebody_who_left_is_stopped_and_kept(
    member: Member, fields: dict[str, Any], action: Action, words: str
) -> None:
    how = Manners(opportunistic=True, keep_days=30, now=NOW)
    step = decided(how, member, **fields)
    assert (step.action, words in step.reason) == (action, True), step


def test_a_deletion_names_who_left() -> None:
    (step,) = plan(WANTED, [], [server(also=OWNED | {LEFT: "2026-11-01"})])
    assert (step.action, step.reason) == (Action.DELETE, "anna left on 2026-11-01; the home goes too")


def test_without_a_key_no_machine_is_made() -> None:
    (step,) = plan(WANTED, [ANNA.model_copy(update={"held": "anna has no SSH key"})], [])
    assert (step.action, step.reason) == (Action.POSTPONED, "anna has no SSH key")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-01", datetime(2026, 12, 2, tzinfo=UTC)),
        ("2026-12-01T08:30", datetime(2026, 12, 1, 8, 30, tzinfo=UTC)),
        ("2026-12-01 08:30+01:00", datetime(2026, 12, 1, 7, 30, tzinfo=UTC)),
        ("9999-12-31", None),
        ("soon", None),
    ],
)
def test_a_lease_until_a_day_holds_all_of_it(text: str, expected: datetime | None) -> None:
    assert lease_end(text) == expected


ED, RSA = "ssh-ed25519 AAAAC3NzaC1lZDI1", "ssh-rsa AAAAB3NzaC1yc2E="


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"{ED} anna@laptop", ED),
        (f'from="10.0.0.0/8" {RSA} x', f'from="10.0.0.0/8" {RSA}'),
        (f"# {ED}", ""),
        ("", ""),
        ("anna", ""),
    ],
)
def test_of_a_key_its_comment_does_not_count(line: str, expected: str) -> None:
    assert public_key(line) == expected


def parts_of(text: str) -> list[Any]:
    parts: Any = message_from_string(text).get_payload()
    return list(parts)


GIVEN = "#cloud-config\npackages:\n  - git\n"


def test_user_data_are_a_home_keys_and_what_is_given() -> None:
    text = composed(GIVEN, [ED], "0123456789abcdef0123456789abcdef")
    home, keys, given = parts_of(text)
    assert [part.get_content_type() for part in (home, keys, given)] == [
        "text/cloud-boothook",
        "text/cloud-config",
        "text/plain",  # cloud-init looks at its first line
    ]
    assert "virtio-0123456789abcdef0123\n" in home.get_payload()
    assert keys_in(text) == (ED,)
    assert given.get_payload() == GIVEN
    assert composed(GIVEN, [], None) == GIVEN
    assert text == composed(GIVEN, [ED], "0123456789abcdef0123456789abcdef")
    own = 'Content-Type: multipart/mixed; boundary="own"\n\n--own\n\n#!/bin/sh\n--own--\n'
    assert parts_of(composed(own, [RSA], None))[1].is_multipart()


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        (GIVEN, "#cloud-config\n\n# tools\npackages: [git]  # and no more\n", True),
        (GIVEN, GIVEN.replace("git", "hg"), False),
        ("#cloud-config\na: |\n  # x\n", "#cloud-config\na: |\n  # y\n", False),
        ("#!/bin/sh\necho 1\n", "#!/bin/sh\n\n# says\necho 1   \n", True),
        ("#!/bin/sh\necho 1\n", "#!/bin/bash\necho 1\n", False),
        ("#!/bin/sh\ncat <<E\n\nE\n", "#!/bin/sh\ncat <<E\nE\n", False),
        ("", GIVEN, False),
        ("#cloud-config\n: : x", "#cloud-config\n: :  x", False),
    ],
)
def test_a_blank_or_a_comment_makes_no_other_machine(before: str, after: str, same: bool) -> None:
    assert (digest_of(before) == digest_of(after)) is same
    assert (digest_of(before, [ED], home=True) == digest_of(after, [ED], home=True)) is same
    assert (list(differences(composed(before, [ED], "v1"), after, [ED])) == []) is same


def test_keys_and_a_home_are_a_part_of_it() -> None:
    digests = {digest_of(""), digest_of("", [ED]), digest_of("", [RSA]), digest_of("", [ED], home=True)}
    assert len(digests) == 4
    assert digest_of("") == ""
    assert digest_of("", [ED, RSA]) == digest_of("", [RSA, ED])


def test_what_is_another_is_said_by_its_line_and_without_a_word_of_it() -> None:
    before = composed(GIVEN, [ED], "v1")
    assert list(differences(before, GIVEN.replace("git", "secret"), [ED])) == ["line 3 of user_data differ"]
    said = list(differences(before, GIVEN, [RSA]))
    assert said == [f"SSH key …{RSA[-12:]} is new", f"SSH key …{ED[-12:]} is gone"]
