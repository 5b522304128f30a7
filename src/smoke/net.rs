//! The test's own network: QEMU's user network, made to fit what the machine expects of its customer's.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::manifest::NetworkRecord;

/// The prefix lengths that QEMU takes, less those that have no room for a machine, a router and a name server.
const LONGEST: u8 = 29;
const SHORTEST: u8 = 4;

/// A network with one machine in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestNetwork {
    /// Whether the machine has a fixed address; else QEMU gives it this one by DHCP.
    pub fixed: bool,
    /// Where the machine is asked.
    pub address: Ipv4Addr,
    /// The network's prefix length.
    pub prefix: u8,
    /// The router: QEMU, which leads nowhere.
    pub gateway: Ipv4Addr,
    /// The name server: QEMU again. A fixed one outside of the network cannot be asked.
    pub dns: Ipv4Addr,
}

impl Default for TestNetwork {
    /// QEMU's own choice, for a machine that asks for its address.
    fn default() -> Self {
        Self {
            fixed: false,
            address: Ipv4Addr::new(10, 0, 2, 15),
            prefix: 24,
            gateway: Ipv4Addr::new(10, 0, 2, 2),
            dns: Ipv4Addr::new(10, 0, 2, 3),
        }
    }
}

impl TestNetwork {
    /// The network that a profile's machine expects.
    ///
    /// # Errors
    /// [`Kind::Refused`] for a fixed address of IPv6: QEMU's user network forwards connections to IPv4 alone.
    pub fn of(wanted: &NetworkRecord) -> Result<Self> {
        let Some(address) = &wanted.address else { return Ok(Self::default()) };
        let cannot = || {
            let message = format!(
                "a machine with the fixed address {address} cannot be asked in QEMU's network"
            );
            Error::new(Kind::Refused, message)
                .remedy("try the image of a profile with an address of IPv4, or with none")
        };
        let (own, prefix) = address.split_once('/').ok_or_else(cannot)?;
        let own: Ipv4Addr = own.parse().map_err(|_| cannot())?;
        let prefix: u8 = prefix.parse().map_err(|_| cannot())?;
        let gateway = wanted.gateway.as_ref().and_then(|router| router.parse().ok());
        let dns = wanted.dns.iter().find_map(|server| server.parse().ok());
        Ok(Self::around(own, prefix, gateway, dns))
    }

    /// The smallest network with the address in it, and with the router where QEMU can have one so large.
    fn around(own: Ipv4Addr, prefix: u8, router: Option<Ipv4Addr>, dns: Option<Ipv4Addr>) -> Self {
        let widest = prefix.clamp(SHORTEST, LONGEST);
        let with_router = |prefix: &u8| router.is_none_or(|router| within(own, *prefix, router));
        let prefix = (SHORTEST..=widest).rev().find(with_router).unwrap_or(widest);
        let network = u32::from(own) & mask(prefix);
        let others = |taken: &[Ipv4Addr]| {
            let hosts = (network + 1..network + 8).map(Ipv4Addr::from);
            hosts.into_iter().find(|host| *host != own && !taken.contains(host)).unwrap_or(own)
        };
        let fits = |host: &Ipv4Addr| *host != own && within(own, prefix, *host);
        let gateway = router.filter(fits).unwrap_or_else(|| others(dns.as_slice()));
        let dns = dns.filter(|dns| fits(dns) && *dns != gateway);
        let dns = dns.unwrap_or_else(|| others(&[gateway]));
        Self { fixed: true, address: own, prefix, gateway, dns }
    }

    /// QEMU's words for it, without a way out, and with these ports of the machine's on ports of 127.0.0.1. Host
    /// port 0 lets the kernel choose when QEMU binds: no race.
    pub fn netdev(&self, ports: &[u16]) -> String {
        let network = Ipv4Addr::from(u32::from(self.address) & mask(self.prefix));
        let Self { address, prefix, gateway, dns, .. } = self;
        let mut text = format!(
            "user,id=net,restrict=on,net={network}/{prefix},host={gateway},dns={dns},dhcpstart={address}"
        );
        for port in ports {
            text.push_str(&format!(",hostfwd=tcp:127.0.0.1:0-{address}:{port}"));
        }
        text
    }
}

fn mask(prefix: u8) -> u32 {
    u32::MAX << (32 - u32::from(prefix))
}

fn within(network: Ipv4Addr, prefix: u8, host: Ipv4Addr) -> bool {
    (u32::from(network) ^ u32::from(host)) & mask(prefix) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str, gateway: &str, dns: &[&str]) -> TestNetwork {
        TestNetwork::of(&NetworkRecord {
            address: Some(address.to_owned()),
            gateway: Some(gateway.to_owned()),
            dns: dns.iter().map(|server| (*server).to_owned()).collect(),
            ..NetworkRecord::default()
        })
        .unwrap()
    }

    #[test]
    fn the_network_has_the_profiles_address_router_and_name_server() {
        let home = of("192.168.178.20/24", "192.168.178.1", &["192.168.178.1"]);
        let net = "user,id=net,restrict=on,net=192.168.178.0/24,host=192.168.178.1,dns=192.168.178.2,\
                   dhcpstart=192.168.178.20,hostfwd=tcp:127.0.0.1:0-192.168.178.20:8008";
        assert_eq!(home.netdev(&[8008]), net);
        let own = of("10.9.0.2/16", "10.9.255.254", &["9.9.9.9"]);
        assert_eq!((own.gateway, own.dns), ([10, 9, 255, 254].into(), [10, 9, 0, 1].into()));
        let named = of("10.9.0.2/16", "10.9.0.1", &["2001:db8::1", "10.9.7.7"]);
        assert_eq!(named.dns, Ipv4Addr::new(10, 9, 7, 7));
        assert_eq!(TestNetwork::of(&NetworkRecord::default()).unwrap(), TestNetwork::default());
    }

    #[test]
    fn a_network_that_is_too_small_is_widened() {
        let pair = of("10.1.2.2/31", "10.1.2.3", &[]);
        assert_eq!((pair.prefix, pair.gateway), (29, [10, 1, 2, 3].into()));
        let alone = of("10.1.2.3/32", "10.1.0.1", &[]);
        assert_eq!((alone.prefix, alone.gateway), (22, [10, 1, 0, 1].into()));
        let far = of("10.1.2.3/32", "192.0.2.1", &[]);
        assert!(far.prefix == 29 && far.gateway != far.address && far.dns != far.gateway);
    }

    #[test]
    fn a_machine_that_cannot_be_asked_is_refused_before_it_boots() {
        let wanted = NetworkRecord {
            address: Some("2001:db8::2/64".to_owned()),
            ..NetworkRecord::default()
        };
        assert_eq!(TestNetwork::of(&wanted).unwrap_err().kind(), Kind::Refused);
    }
}
