"""Fleets: servers of one image and one flavor, numbered or one for each person, which are made anew together."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from config.account import AccessSpec, AccountSpec, Generated
from config.application_credential import ApplicationCredentialSpec
from config.errors.issues import invalid
from config.fields import AtLeastOne, Name, Port, Size, between, each_once, matching
from config.identity import ALWAYS_THERE
from config.people import FleetKeysSpec, FleetPeopleSpec, name_problem, shared_names
from config.secret import Secret, SecretText
from config.spec import Problems, Spec, checking

OWN_METADATA = "private_cloud_"
"""How the metadata begins that this program itself keeps on its servers."""
MOST_MEMBERS = 500  # Nova answers with at most 1000 servers at once, and a replacement has two for a moment
_WHOLE = 100
_LONGEST_USER_DATA = 49_150  # 65535 bytes of base64: nova/api/openstack/compute/schemas/servers.py


def _rising_to_the_whole(waves: tuple[int, ...]) -> tuple[int, ...]:
    if not waves or waves[0] < 1 or waves[-1] != _WHOLE or list(waves) != sorted(set(waves)):
        raise invalid(
            f"{list(waves)} are no waves; give rising percentages of the fleet that end with 100, such as [25, 100]"
        )
    return waves


def _people(given: Any) -> Any:
    return {"names": given} if isinstance(given, list | tuple) else given


class FleetProjectSpec(Spec, replaced="name domain"):
    """The project that a fleet's servers belong to."""

    name: Name = Field(description="the project's name, one of projects")
    domain: Name = Field(description="the domain the project is in")


class FleetUpdateSpec(
    Spec, nothing="mode deadline_days canary waves max_unavailable bake_s on_failure time_budget_s"
):
    """How the servers of a fleet are made anew."""

    mode: Literal["proactive", "opportunistic"] | None = Field(
        None,
        description="'proactive': servers are made anew as soon as something changes, or 'opportunistic': when the owner asks or "
        "the deadline has passed; left out, 'opportunistic' with people",
    )
    deadline_days: Size | None = Field(
        None,
        description="days from a new image's creation after which it is not waited for the owner any more; left out, for ever",
        validate_default=True,
    )

    canary: Size = Field(
        1, description="how many servers are made anew before any other is touched, a number from 0"
    )
    waves: Annotated[tuple[int, ...], AfterValidator(_rising_to_the_whole)] = Field(
        (25, 100), description="a list of rising percentages of the fleet, the last one 100"
    )
    max_unavailable: AtLeastOne = Field(
        5, description="how many servers may be away at the same time, a number from 1"
    )
    bake_s: Size = Field(
        60, description="seconds that canary and each wave have to stay well before the next, a number from 0"
    )
    on_failure: Literal["rollback", "stop"] = Field(
        "rollback",
        description="'rollback' or 'stop': whether servers go back to the former image where the new one fails",
    )
    time_budget_s: AtLeastOne = Field(
        3600,
        description="seconds after which a run begins with no further server; the next run goes on",
    )

    @checking("deadline_days")
    def _waits_for_somebody(cls, days: int | None, info: ValidationInfo) -> Problems:
        if days is not None and info.data.get("mode", "") == "proactive":
            yield "with mode: proactive nothing waits for a deadline; leave one of the two out"


class FleetProbeSpec(Spec, nothing="console tcp command within_s"):
    """What a server has to show, besides being ACTIVE in Nova, to count as well."""

    console: bool = Field(
        default=False,
        description="true or false: whether its console has to show `ready image=DIGEST boot=ID` of a new boot; DIGEST is "
        "compared with the image's property build_digest, where it has one",
    )
    tcp: Port | None = Field(
        None, description="a port that has to take connections from where this program runs, such as 22"
    )
    command: tuple[str, ...] = Field(
        (),
        description="a list of words: a command to run here, which gets MEMBER and ADDRESS as environment variables and "
        "has to exit with 0",
    )
    within_s: AtLeastOne = Field(300, description="seconds that this may take, a number from 1")


class FleetSpec(Spec, nothing="protected update probe keep_days notice", replaced="name project"):
    """Servers of one image, numbered or one for each person. Names and addresses stay; root disks do not."""

    name: Annotated[
        str,
        matching(  # with a hyphen and three digits it is a host's name
            r"[a-z0-9]([a-z0-9-]{0,57}[a-z0-9])?",
            "is not a fleet's name; give 1 to 59 lower-case letters, digits and hyphens, no hyphen at either end",
        ),
    ] = Field(
        description="the fleet's name, unique in the file; its servers are called NAME-01, …, or NAME-ACCOUNT"
    )
    project: FleetProjectSpec = Field(description="{name, domain} of the project they belong to")
    count: Annotated[int, between(1, MOST_MEMBERS, "is no number of servers; give a whole number")] | None = (
        Field(None, description="how many servers, a number from 1 to 500; those above it are deleted")
    )
    people: Annotated[FleetPeopleSpec, BeforeValidator(_people)] | None = Field(
        None,
        description="{group, domain} or a list of names, in place of count: each has a server NAME-ACCOUNT",
        validate_default=True,
    )
    home_gb: AtLeastOne | None = Field(
        None,
        description="GiB of each person's own volume, which outlives their server; it grows, and never shrinks; left out, none",
    )
    ssh_keys: FleetKeysSpec | None = Field(
        None, description="{ldap: ATTRIBUTE} or {files: FOLDER}: where their SSH keys are; left out, none"
    )
    keep_days: Size = Field(
        30,
        description="days for which the server and the volume of somebody who left are kept, a number from 0",
    )
    image: Name = Field(
        description="the image's name, one of images; another one or its new content rebuilds"
    )
    flavor: Name = Field(
        description="the flavor's name, one of flavors; another one or its new size replaces each server"
    )
    networks: Annotated[tuple[Name, ...], each_once("network")] = Field(
        min_length=1, description="a list of names of networks: each server has a port on each of them"
    )
    security_groups: Annotated[tuple[Name, ...], each_once("security group")] = Field(
        (), description="a list of names of security groups of the project; left out, its default one"
    )
    server_group: Name | None = Field(
        None,
        description="the name of a server group of the project; another one replaces each server; left out, none",
    )
    recreate: Annotated[
        str,
        matching(r"|\S(.{0,62}\S)?", "is no such text; give at most 64 characters, no space at either end"),
    ] = Field("", description="any text in quotes, most often a date: another one has all servers made anew")
    update: FleetUpdateSpec = Field(
        default_factory=FleetUpdateSpec,
        description="{canary, waves, max_unavailable, …}: how they are made anew",
    )
    probe: FleetProbeSpec = Field(
        default_factory=FleetProbeSpec, description="{console, tcp, …}: what a server has to show"
    )
    user_data: Secret | None = Field(
        None,
        description="{file: PATH}, {env: NAME} or an encrypted value: cloud-init's user data; another one rebuilds",
    )
    metadata: dict[
        Annotated[
            str,
            matching(
                r"[a-zA-Z0-9_:. -]{1,255}",
                "is not a key of metadata; give 1 to 255 of letters, digits, and _ - : . or spaces",
            ),
        ],
        Annotated[str, matching(r"(?s).{0,255}", "has more than 255 characters; shorten it")],
    ] = Field(default_factory=dict, description="a map of text to text; other metadata of the servers stays")
    protected: bool = Field(
        default=False,
        description="true or false: whether pulumi refuses to remove or replace the fleet, until this is false again",
    )

    notice: tuple[str, ...] = Field(
        (),
        description="a list of words: a command for `make fleet-notice`, which gets a line of JSON for each person concerned",
    )

    @checking("people")
    def _people_or_a_number(cls, people: FleetPeopleSpec | None, info: ValidationInfo) -> Problems:
        if "count" in info.data and bool(people) == bool(info.data["count"]):
            yield "give one of two: count, or people"
        fleet = info.data.get("name", "")
        for name, accounts in shared_names(fleet, people.names).items() if people and fleet else ():
            yield ("names",), name_problem(name, accounts)

    @checking("home_gb", "ssh_keys", "notice")
    def _of_somebody(cls, value: Any, info: ValidationInfo) -> Problems:
        if value and info.data.get("people", value) is None:
            yield "numbered servers are nobody's; give people in place of count, or leave this out"

    @checking("metadata")
    def _not_this_programs_own(cls, metadata: dict[str, str], _info: ValidationInfo) -> Problems:
        for key in metadata:
            if key.startswith(OWN_METADATA):
                yield (key,), f"{key!r} is kept by this program itself; choose another key"

    @checking("user_data")
    def _as_long_as_nova_takes(cls, user_data: SecretText | None, _info: ValidationInfo) -> Problems:
        size = len(user_data.text.encode()) if user_data else 0
        if size > _LONGEST_USER_DATA:
            yield f"it has {size} bytes, and Nova takes {_LONGEST_USER_DATA}; have it fetch the rest"

    @property
    def project_name(self) -> str:
        """PROJECT@DOMAIN."""
        return f"{self.project.name}@{self.project.domain}"

    @property
    def members(self) -> tuple[str, ...]:
        """The names of its numbered servers; that of a server never depends on how many there are."""
        return tuple(f"{self.name}-{number:02d}" for number in range(1, (self.count or 0) + 1))

    @property
    def people_domain(self) -> str:
        """The domain that its people are in."""
        return (self.people and self.people.domain) or self.project.domain

    @property
    def update_mode(self) -> FleetUpdateSpec:
        """How its servers are made anew, with the mode that counts where none is given."""
        mode = "opportunistic" if self.people else "proactive"
        return self.update if self.update.mode else self.update.model_copy(update={"mode": mode})

    @property
    def account(self) -> AccountSpec:
        """The fleet's own account: a member of its project, and nothing else."""
        place = {"project": self.project.name, "domain": self.project.domain}
        return AccountSpec(
            name=f"fleet-{self.name}",
            domain=ALWAYS_THERE,
            description=f"Makes the servers of the fleet {self.name}",
            password=Generated(1),
            access=(AccessSpec(roles=("member",), **place),),
            application_credentials=(ApplicationCredentialSpec(name="fleet", **place),),
        )
