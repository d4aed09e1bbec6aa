"""Finding by name what Keystone already holds, with a sentence where it does not."""

import pulumi

_FUNCTIONS = {
    "user": "openstack:identity/getUser:getUser",
    "group": "openstack:identity/getGroup:getGroup",
    "role": "openstack:identity/getRole:getRole",
    "domain": "openstack:identity/getProject:getProject",  # a domain is a project that acts as one
}


def id_of(
    kind: str,
    name: str,
    parent: pulumi.Resource,
    *,
    domain: str | None = None,
    domain_id: pulumi.Input[str] | None = None,
) -> pulumi.Output[str]:
    """The id of the KIND (user, group, role, domain) called NAME.

    Users and groups are looked for in the domain of DOMAIN_ID only; DOMAIN is its name, for the sentence.
    While that id is unknown (a domain yet to be made) so is the result. PARENT's provider does the look-up.

    Raises:
        pulumi.RunError: through the output, when there is none, or Keystone cannot be asked.
    """

    async def find(known_domain_id: str | None) -> str:
        wanted: dict[str, object] = {"name": name}
        if known_domain_id:
            wanted["domainId"] = known_domain_id
        if kind == "domain":
            wanted["isDomain"] = True
        try:
            found = await pulumi.runtime.invoke_async(
                _FUNCTIONS[kind], wanted, pulumi.InvokeOptions(parent=parent)
            )
        except Exception as error:  # noqa: BLE001 - the SDK raises nothing narrower
            where = f" in domain {domain!r}" if domain else ""
            if "returned no results" in str(error):
                raise pulumi.RunError(
                    f"there is no {kind} {name!r}{where}; make it, or correct the name in the stack file"
                ) from None
            raise pulumi.RunError(f"could not look up {kind} {name!r}{where}: {error}") from None
        identifier: str = found["id"]
        return identifier

    return pulumi.Output.from_input(domain_id).apply(find)
