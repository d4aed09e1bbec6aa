"""Neutron's API: VLAN and flat provider networks on one physical network, without agents or a broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.configuration import File, ini
from lab.services import api, mariadb
from lab.settings import PHYSICAL_NETWORK, VLAN_RANGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.daemon import Daemon
    from lab.settings import Lab


def files(lab: Lab, secrets: Mapping[str, str]) -> tuple[File, ...]:
    """Render neutron.conf and ml2.conf."""
    first, last = VLAN_RANGE
    data = lab.data / "neutron"
    main: dict[str, dict[str, object]] = {
        "DEFAULT": {
            "use_stderr": True,
            "core_plugin": "ml2",
            "service_plugins": "qos",
            "transport_url": "fake:/",
            "rpc_workers": 0,
            "api_paste_config": lab.programs / "etc" / "neutron" / "api-paste.ini",
            "state_path": data,
            "notify_nova_on_port_status_changes": False,
            "notify_nova_on_port_data_changes": False,
        },
        "database": {"connection": mariadb.connection(lab, secrets, "neutron")},
        "keystone_authtoken": api.token_checks(lab, secrets, "neutron"),
        "oslo_concurrency": {"lock_path": data / "locks"},
        "oslo_messaging_notifications": {"driver": "noop"},
    }
    ml2: dict[str, dict[str, object]] = {
        "ml2": {
            "type_drivers": "vlan,flat",
            "tenant_network_types": "vlan",
            "mechanism_drivers": "openvswitch",
            "extension_drivers": "port_security,qos",
        },
        "ml2_type_vlan": {"network_vlan_ranges": f"{PHYSICAL_NETWORK}:{first}:{last}"},
        "ml2_type_flat": {"flat_networks": PHYSICAL_NETWORK},
    }
    folder = lab.etc / "neutron"
    return (File(folder / "neutron.conf", ini(main)), File(folder / "ml2.conf", ini(ml2)))


def make_tables(lab: Lab, secrets: Mapping[str, str]) -> None:
    """Bring the tables to the installed version, and make the folders."""
    (lab.data / "neutron" / "locks").mkdir(parents=True, exist_ok=True)
    api.manage(lab, "neutron", "neutron-db-manage", ["upgrade", "heads"], files(lab, secrets))


def daemons(lab: Lab, secrets: Mapping[str, str]) -> tuple[Daemon, ...]:
    """List the one API."""
    return (api.uwsgi(lab, "neutron", port=lab.ports.neutron, health_path="/", files=files(lab, secrets)),)
