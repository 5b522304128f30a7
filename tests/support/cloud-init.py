"""What cloud-init's own readers make of documents: reads a JSON list of {kind, text}, and prints a list of their contents,
with null for a document that cloud-init refuses. Argument: the folder of its Python code."""

import ipaddress
import json
import logging
import sys

sys.path.insert(0, sys.argv[1])
logging.disable(logging.CRITICAL)

import yaml
from cloudinit.distros import ug_util
from cloudinit.net.network_state import parse_net_config_data


class Distribution:
    def get_default_user(self):
        return {"name": "default"}


def strings(value):
    return [value] if isinstance(value, str) else list(value or [])


def everywhere(route):
    # older versions turn ::/0 into ::/64, and a prefix of 0 into /24
    return int(ipaddress.ip_address(route["network"])) == 0


def network(data):
    data = data.get("network", data)
    state = parse_net_config_data(data, skip_broken=False)
    found = []
    for interface in state.iter_interfaces():
        if interface["type"] != "physical":
            continue
        fixed, gateways, servers = [], [], []
        for subnet in interface["subnets"]:
            if subnet["type"] in ("static", "static6") and "address" in subnet:
                fixed.append("%s/%s" % (subnet["address"].split("/")[0], subnet["prefix"]))
                if subnet.get("gateway"):
                    gateways.append(subnet["gateway"])
            servers += strings(subnet.get("dns_nameservers"))
            gateways += [r["gateway"] for r in subnet.get("routes", []) if everywhere(r)]
        servers += strings((interface.get("dns") or {}).get("nameservers"))
        found.append({
            "name": interface["name"],
            "mac": interface.get("mac_address"),
            "fixed": fixed,
            "gateways": gateways,
            "servers": servers,
        })
    routes = [r["gateway"] for r in state.iter_routes() if everywhere(r)]
    return {"interfaces": found, "gateways": routes, "servers": list(state.dns_nameservers)}


def users(data):
    found, _ = ug_util.normalize_users_groups(data, Distribution())
    keys = strings(data.get("ssh_authorized_keys"))
    for user in found.values():
        keys += strings(user.get("ssh_authorized_keys"))
    return {"keys": keys, "hostname": data.get("fqdn") or data.get("hostname")}


def read(document):
    try:
        data = yaml.safe_load(document["text"])
        return network(data) if document["kind"] == "network-config" else users(data)
    except Exception:
        return None


json.dump([read(document) for document in json.load(sys.stdin)], sys.stdout)
