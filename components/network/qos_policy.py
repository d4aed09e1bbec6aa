"""Finding by name a QoS policy that Neutron has."""

import pulumi
import pulumi_openstack as openstack


def qos_policy_id(name: str, parent: pulumi.Resource) -> pulumi.Output[str]:
    """The id of the QoS policy called NAME, to the letter; PARENT's provider looks it up.

    Raises:
        pulumi.RunError: through the output, when there is none, or more than one.
    """

    def only(found: openstack.networking.GetQosPolicyResult) -> str:
        if found.name != name:  # Neutron ignores case and accents
            raise pulumi.RunError(
                f"Neutron was asked for QoS policy {name!r} and answered with {found.name!r}; write the name as it has it"
            )
        return found.id

    return openstack.networking.get_qos_policy_output(
        name=name, opts=pulumi.InvokeOutputOptions(parent=parent)
    ).apply(only)
