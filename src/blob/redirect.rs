//! Where a web server may redirect us: never from the public network into a private one, or to this
//! machine.
//!
//! Otherwise whoever answers for a store could make a builder request what only the builder can
//! reach.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// How far away an address is; nearer is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// This machine.
    Loopback,
    /// A network that is not routed (RFC 1918, 4193, 3927, 6598).
    Private,
    World,
}

impl Reach {
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) if v4.is_loopback() || v4.is_unspecified() => Self::Loopback,
            IpAddr::V4(v4) => {
                let [a, b, ..] = v4.octets();
                let shared = a == 100 && (64..128).contains(&b);
                match v4.is_private() || v4.is_link_local() || shared || a == 0 {
                    true => Self::Private,
                    false => Self::World,
                }
            }
            IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
                Some(v4) => Self::of(v4.into()),
                None if v6 == Ipv6Addr::LOCALHOST || v6.is_unspecified() => Self::Loopback,
                None if v6.is_unique_local() || v6.is_unicast_link_local() => Self::Private,
                None => Self::World,
            },
        }
    }

    /// The reach of a host that is an address, or this machine's name; none for any other name.
    fn of_host(url: &Url) -> Option<Self> {
        let host = url.host_str()?.trim_matches(['[', ']']).trim_end_matches('.');
        if host == "localhost" || host.ends_with(".localhost") {
            return Some(Self::Loopback);
        }
        host.parse().ok().map(Self::of)
    }
}

/// Whether a store at `base` may redirect us to `target`. Names are checked when they are resolved.
pub(super) fn may_follow(base: &Url, target: &Url) -> Result<(), &'static str> {
    let from = Reach::of_host(base).unwrap_or(Reach::World);
    match (target.scheme(), Reach::of_host(target)) {
        ("https", None) => Ok(()),
        // the store's name may itself be in a private network: only its own host counts as equally
        // near
        ("https", Some(to)) if to >= from => Ok(()),
        ("https", Some(_)) if base.host_str() == target.host_str() => Ok(()),
        ("http", Some(Reach::Loopback)) if from == Reach::Loopback => Ok(()),
        ("http", _) => Err("redirected to an address without encryption"),
        _ => Err("redirected to an address that is nearer than the store"),
    }
}

/// Resolves names, and leaves out addresses that are nearer than the store's own.
#[derive(Debug)]
pub(super) struct Resolver {
    host: String,
    /// The store's own reach, once its name is resolved.
    reach: Arc<Mutex<Option<Reach>>>,
}

impl Resolver {
    pub(super) fn of(base: &Url) -> Self {
        let host = base.host_str().unwrap_or_default().to_owned();
        Self { host, reach: Arc::new(Mutex::new(Reach::of_host(base))) }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (own, reach) = (name.as_str() == self.host, self.reach.clone());
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let mut reach = reach.lock().unwrap_or_else(PoisonError::into_inner);
            if own {
                *reach = found.iter().map(|address| Reach::of(address.ip())).min();
                return Ok(Box::new(found.into_iter()) as Addrs);
            }
            let left = admitted(found, reach.unwrap_or(Reach::World));
            match left.is_empty() {
                true => Err("redirected to an address that is nearer than the store".into()),
                false => Ok(Box::new(left.into_iter()) as Addrs),
            }
        })
    }
}

fn admitted(found: Vec<SocketAddr>, from: Reach) -> Vec<SocketAddr> {
    found.into_iter().filter(|address| Reach::of(address.ip()) >= from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_nearer_than_the_store_is() {
        let may = |base: &str, target: &str| {
            may_follow(&base.parse().unwrap(), &target.parse().unwrap()).is_ok()
        };
        for target in [
            "http://127.0.0.1/x",
            "https://127.0.0.1/x",
            "https://127.1/x",
            "https://localhost/x",
            "https://localhost./x",
            "https://[::1]/x",
            "https://[::ffff:127.0.0.1]/x",
            "https://0.0.0.0/x",
            "https://10.1.2.3/x",
            "https://192.168.1.1/x",
            "https://169.254.169.254/latest/meta-data",
            "https://100.64.0.1/x",
            "https://[fe80::1]/x",
            "https://[fd00::1]/x",
            "http://example.com/x",
        ] {
            assert!(!may("https://store.example.com/s", target), "{target}");
            assert!(!may("https://192.0.2.1/s", target), "{target}");
        }
        assert!(may("https://store.example.com/s", "https://cdn.example.com/x"));
        assert!(may("https://10.0.0.1/s", "https://10.0.0.2/x"));
        assert!(!may("https://10.0.0.1/s", "https://127.0.0.1/x"));
        assert!(may("http://127.0.0.1:1/s", "http://127.0.0.1:2/x"));
        assert!(may("http://127.0.0.1:1/s", "https://127.0.0.1:2/x"));
        assert!(!may("http://127.0.0.1:1/s", "http://example.com/x"));
    }

    #[test]
    fn a_name_that_leads_nearer_than_the_store_leads_nowhere() {
        let all: Vec<SocketAddr> =
            ["127.0.0.1:0", "10.0.0.1:0", "192.0.2.1:0"].map(|a| a.parse().unwrap()).to_vec();
        let left = |from| admitted(all.clone(), from).len();
        assert_eq!([Reach::World, Reach::Private, Reach::Loopback].map(left), [1, 2, 3]);
    }
}
