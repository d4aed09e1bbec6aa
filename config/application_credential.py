"""Application credentials, as an account in the stack file declares them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from config.errors.issues import invalid
from config.fields import CredentialName, Name, RulePath, RuleService, Serials, each_once
from config.spec import Spec


def _expiry(given: Any) -> datetime:
    moment = given
    if isinstance(given, str):
        try:
            moment = datetime.fromisoformat(given)
        except ValueError:
            moment = None
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise invalid(
            f"{given!r} is not a moment with its time zone; give one such as '2027-06-30T00:00:00Z'"
        )
    return moment


RoleNames = Annotated[tuple[Name, ...], each_once("role")]


class AccessRuleSpec(Spec, replaced="service method path"):
    """One kind of request that an application credential may be used for."""

    service: RuleService = Field(
        description="the service's type in the catalogue, such as 'image' or 'compute'"
    )
    method: Literal["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"] = Field(
        description="the request's method, such as 'GET'"
    )
    path: RulePath = Field(description="the request's path, such as '/v2/images' or '/v2.1/servers/**'")


class ApplicationCredentialSpec(Spec, replaced="name project domain roles access_rules expires"):
    """A machine's own login: it knows no password, and may do part of what its account may."""

    name: CredentialName = Field(
        description="the credential's name, unique in the account, at most 240 characters"
    )
    project: Name = Field(description="the project it is for, one that the account has access to")
    domain: Name = Field(description="that project's domain")
    roles: RoleNames = Field(
        (), description="a list of roles, of those the account has there; left out, all of them"
    )
    access_rules: tuple[AccessRuleSpec, ...] = Field(
        (), description="a list of {service, method, path}: the only requests it may be used for"
    )
    expires: Annotated[datetime, BeforeValidator(_expiry)] | None = Field(
        None, description="when it ends, with its time zone, such as '2027-06-30T00:00:00Z'"
    )
    serials: Serials = Field(
        (1,), description="a list of rising numbers, one credential for each; the last one is handed out"
    )
