//! What Facter says on an appliance of a system, as far as it can be known before there is a machine. The shape is
//! the real one, also of what differs from machine to machine: code that reads a fact that Facter always gives must
//! find it. Facts of modules are not gathered: they are programs, and would speak of the builder.

use serde_json::{Value, json};

use super::systems::{Distribution, System};

/// The example machine's adapter, as Facter shows it: documentation addresses (RFC 5737, RFC 3849).
fn adapter() -> Value {
    json!({
        "ip": "192.0.2.10", "netmask": "255.255.255.0", "network": "192.0.2.0",
        "ip6": "2001:db8::10", "netmask6": "ffff:ffff:ffff:ffff::", "network6": "2001:db8::", "scope6": "global",
        "mac": "52:54:00:12:34:56", "mtu": 1500,
    })
}

fn loopback() -> Value {
    json!({
        "ip": "127.0.0.1", "netmask": "255.0.0.0", "network": "127.0.0.0",
        "ip6": "::1", "netmask6": "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "network6": "::1", "scope6": "host",
        "mtu": 65_536,
    })
}

/// The example machine's adapters by their names.
fn adapters() -> [(&'static str, Value); 2] {
    [("ens3", adapter()), ("lo", loopback())]
}

/// All that a system's machine says.
pub(super) fn of(system: &System) -> Value {
    let mut facts = machine();
    for part in [os(system), versions(system), agent(system), of_modules()] {
        merge(&mut facts, part);
    }
    if system.has_legacy_facts() {
        merge(&mut facts, legacy(system));
        merge(&mut facts, legacy_of_machine());
    }
    facts
}

/// What the agent adds before it sends its facts (Puppet::Node::Facts#add_local_facts, and its own fact).
fn agent(system: &System) -> Value {
    json!({
        "clientcert": "appliance", "clientversion": system.puppet, "clientnoop": false, "puppetversion": system.puppet,
    })
}

fn versions(system: &System) -> Value {
    let System { kernel, facter, ruby, .. } = system;
    let (series, _) = ruby.rsplit_once('.').unwrap_or((ruby, ""));
    json!({
        "facterversion": facter,
        "kernel": "Linux", "kernelrelease": format!("{kernel}.0-1-amd64"),
        "kernelversion": format!("{kernel}.0"), "kernelmajversion": kernel,
        "ruby": {
            "platform": "x86_64-linux-gnu", "version": ruby, "sitedir": format!("/usr/local/lib/site_ruby/{series}.0"),
        },
        "augeas": { "version": "1.14.0" },
    })
}

/// A release as Facter takes it apart. Debian's has a second number; Ubuntu's is one name.
fn release(system: &System) -> Value {
    let System { release, full, .. } = system;
    match full.strip_prefix(release).and_then(|rest| rest.strip_prefix('.')) {
        Some(minor) => json!({ "full": full, "major": release, "minor": minor }),
        None => json!({ "full": full, "major": release }),
    }
}

fn description(system: &System) -> String {
    let System { release, codename, .. } = system;
    match system.distribution {
        Distribution::Debian => format!("Debian GNU/Linux {release} ({codename})"),
        Distribution::Ubuntu => format!("Ubuntu {release} LTS"),
    }
}

fn os(system: &System) -> Value {
    let (name, codename) = (system.distribution.name(), system.codename);
    json!({ "os": {
        "name": name, "family": "Debian", "architecture": "amd64", "hardware": "x86_64",
        "release": release(system), "selinux": { "enabled": false },
        "distro": {
            "id": name, "codename": codename, "description": description(system), "release": release(system),
        },
    } })
}

fn machine() -> Value {
    let mut networking = adapter();
    let interfaces: serde_json::Map<String, Value> =
        adapters().into_iter().map(|(name, says)| (name.to_owned(), says)).collect();
    merge(
        &mut networking,
        json!({ "hostname": "appliance", "fqdn": "appliance", "primary": "ens3", "interfaces": interfaces }),
    );
    json!({
        "networking": networking,
        "memory": { "system": {
            "total": "4.00 GiB", "total_bytes": 4_294_967_296_u64, "available": "3.00 GiB",
            "available_bytes": 3_221_225_472_u64, "used": "1.00 GiB", "used_bytes": 1_073_741_824_u64,
            "capacity": "25.00%",
        } },
        "processors": {
            "count": 2, "physicalcount": 1, "cores": 2, "threads": 1, "isa": "x86_64", "speed": "2.40 GHz",
            "models": ["QEMU Virtual CPU", "QEMU Virtual CPU"],
        },
        "virtual": "kvm", "is_virtual": true, "hypervisors": { "kvm": {} },
        "disks": { "vda": { "size": "16.00 GiB", "size_bytes": 17_179_869_184_u64, "type": "hdd", "vendor": "0x1af4" } },
        "partitions": { "/dev/vda3": {
            "filesystem": "ext4", "mount": "/", "size": "15.00 GiB", "size_bytes": 16_106_127_360_u64,
        } },
        "mountpoints": { "/": {
            "device": "/dev/vda3", "filesystem": "ext4", "options": ["rw"], "size": "15.00 GiB",
            "size_bytes": 16_106_127_360_u64, "available": "12.00 GiB", "available_bytes": 12_884_901_888_u64,
            "used": "3.00 GiB", "used_bytes": 3_221_225_472_u64, "capacity": "20.00%",
        } },
        "dmi": {
            "manufacturer": "QEMU", "product": { "name": "Standard PC", "uuid": "00000000-0000-4000-8000-000000000000" },
            "bios": { "vendor": "SeaBIOS", "version": "1.16", "release_date": "04/01/2014" },
            "chassis": { "type": "Other" },
        },
        "identity": { "user": "root", "uid": 0, "group": "root", "gid": 0, "privileged": true },
        "system_uptime": { "days": 0, "hours": 0, "seconds": 60, "uptime": "0:01 hours" },
        "load_averages": { "1m": 0.5, "5m": 0.25, "15m": 0.125 },
        "path": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "timezone": "UTC",
        "filesystems": "ext2,ext3,ext4", "fips_enabled": false,
        "ssh": { "ed25519": {
            "type": "ssh-ed25519", "key": "AAAA",
            "fingerprints": { "sha1": "SSHFP 4 1 00", "sha256": "SSHFP 4 2 00" },
        } },
    })
}

/// Facts of stdlib and systemd, on which half of all modules build, are the same on each of our machines.
fn of_modules() -> Value {
    json!({
        "root_home": "/root", "service_provider": "systemd", "package_provider": "apt",
        "puppet_vardir": "/var/cache/puppet", "puppet_server": "localhost", "is_pe": false, "systemd": true,
    })
}

/// The flat names of old, of what the system says.
fn legacy(system: &System) -> Value {
    let System { release, full, codename, .. } = system;
    let name = system.distribution.name();
    let minor = full.rsplit_once('.').map_or("", |(_, minor)| minor);
    let ruby = versions(system)["ruby"].clone();
    json!({
        "osfamily": "Debian", "operatingsystem": name, "operatingsystemrelease": full,
        "operatingsystemmajrelease": release, "architecture": "amd64", "hardwaremodel": "x86_64",
        "hardwareisa": "x86_64", "lsbdistid": name, "lsbdistcodename": codename, "lsbdistrelease": full,
        "lsbmajdistrelease": release, "lsbminordistrelease": minor, "lsbdistdescription": description(system),
        "rubyversion": ruby["version"], "rubyplatform": ruby["platform"], "rubysitedir": ruby["sitedir"],
        "augeasversion": "1.14.0", "selinux": false,
    })
}

/// The same of what the machine says.
fn legacy_of_machine() -> Value {
    let mut facts = json!({
        "hostname": "appliance", "fqdn": "appliance", "interfaces": "ens3,lo", "id": "root", "gid": "root",
        "memorysize": "4.00 GiB", "memorysize_mb": 4096.0, "memoryfree": "3.00 GiB", "memoryfree_mb": 3072.0,
        "processorcount": 2, "physicalprocessorcount": 1,
        "processor0": "QEMU Virtual CPU", "processor1": "QEMU Virtual CPU",
        "uptime": "0:01 hours", "uptime_days": 0, "uptime_hours": 0, "uptime_seconds": 60,
        "blockdevices": "vda", "blockdevice_vda_size": 17_179_869_184_u64, "blockdevice_vda_vendor": "0x1af4",
        "manufacturer": "QEMU", "productname": "Standard PC", "uuid": "00000000-0000-4000-8000-000000000000",
        "bios_vendor": "SeaBIOS", "bios_version": "1.16", "bios_release_date": "04/01/2014", "chassistype": "Other",
    });
    let flat = [
        ("ipaddress", "ip"),
        ("netmask", "netmask"),
        ("network", "network"),
        ("ipaddress6", "ip6"),
        ("netmask6", "netmask6"),
        ("network6", "network6"),
        ("scope6", "scope6"),
        ("macaddress", "mac"),
        ("mtu", "mtu"),
    ];
    for (name, says) in adapters() {
        for (old, new) in flat.iter().filter(|(_, new)| says.get(new).is_some()) {
            facts[format!("{old}_{name}")] = says[new].clone();
            // the first adapter's stand without its name too; an MTU does not
            if name == "ens3" && *old != "mtu" {
                facts[*old] = says[new].clone();
            }
        }
    }
    facts
}

/// Puts the keys of one mapping into another; mappings in both become one.
pub(super) fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::process::Command;

    use super::super::systems::SYSTEMS;
    use super::*;

    /// Every value below `value` with the way to it, and of what kind it is. Names of adapters and disks are
    /// a machine's own.
    fn leaves(value: &Value, way: &str, into: &mut BTreeMap<String, &'static str>) {
        let kind = match value {
            Value::Object(map) => {
                for (key, value) in map {
                    leaves(value, &format!("{way}.{key}"), into);
                }
                return;
            }
            Value::Array(_) => "list",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "text",
            Value::Null => "nothing",
        };
        into.insert(way.to_owned(), kind);
    }

    /// What Facter of another machine says, with its first adapter and disk called as in our example.
    fn alike(text: &str) -> Value {
        let mut facts: Value = serde_json::from_str(text).unwrap();
        let primary = facts["networking"]["primary"].as_str().unwrap_or("eth0").to_owned();
        let interfaces = facts["networking"]["interfaces"].as_object_mut().unwrap();
        let mut first = interfaces.remove(&primary).unwrap_or(Value::Null);
        for list in ["bindings", "bindings6", "dhcp", "operational_state", "speed", "duplex"] {
            first.as_object_mut().map(|first| first.remove(list));
        }
        facts["networking"]["interfaces"] = json!({ "ens3": first });
        let ours = |key: &String| {
            let family = ["_lo", "_ens3"];
            let flat =
                ["ipaddress", "netmask", "network", "scope6", "macaddress", "mtu", "blockdevice_"];
            !flat.iter().any(|flat| key.starts_with(flat) && key.contains('_'))
                || family.iter().any(|end| key.ends_with(end))
        };
        let facts = facts.as_object().unwrap().clone();
        let machines = ["disks", "partitions", "mountpoints", "dhcp_servers"];
        let facts = facts
            .into_iter()
            .map(|(key, value)| (key.replace(&format!("_{primary}"), "_ens3"), value));
        let facts = facts.filter(|(key, _)| ours(key) && !machines.contains(&key.as_str()));
        // a machine may have more processors
        Value::Object(
            facts.filter(|(key, _)| !key.starts_with("processor") || key.len() != 10).collect(),
        )
    }

    #[test]
    fn whatever_facter_gives_here_is_in_the_table_too() {
        let said = Command::new("facter").args(["--show-legacy", "--json"]).output().unwrap();
        let there = alike(&String::from_utf8(said.stdout).unwrap());
        let bookworm = SYSTEMS.iter().find(|system| system.codename == "bookworm").unwrap();
        let (mut wanted, mut ours) = (BTreeMap::new(), BTreeMap::new());
        leaves(&there, "", &mut wanted);
        leaves(&of(bookworm), "", &mut ours);
        assert!(wanted.len() > 50, "{wanted:?}");
        // what only some machines and kernels have
        let seldom = [
            "memory.swap",
            "swap",
            "dmi.",
            "networking.domain",
            "domain",
            "networking.dhcp",
            "networking.scope6",
        ];
        let missing: Vec<_> = wanted
            .iter()
            .filter(|(way, kind)| ours.get(*way) != Some(kind))
            .filter(|(way, _)| {
                !seldom.iter().any(|start| way.trim_start_matches('.').starts_with(start))
            })
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn an_agent_says_its_version_and_only_old_ones_have_flat_facts() {
        for system in &SYSTEMS {
            let facts = of(system);
            for key in ["clientversion", "puppetversion", "facterversion"] {
                assert!(facts[key].is_string(), "{key}");
            }
            assert_eq!(facts["osfamily"].is_string(), system.has_legacy_facts());
        }
    }
}
