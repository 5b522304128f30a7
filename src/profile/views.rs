//! A profile's choices as closed sets, for code that has to handle every case.

use std::net::IpAddr;
use std::path::Path;

use super::rules::interface;
use super::{ExtraFile, Network, Profile};
use crate::error::{Error, Kind, Result};

/// How the machine gets its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// From the network.
    Dhcp,
    /// Fixed.
    Static {
        /// The machine's own address.
        address: IpAddr,
        /// Length of the network's prefix in bits.
        prefix: u8,
        /// The router.
        gateway: IpAddr,
    },
}

/// Which bundle is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release<'a> {
    /// The newest of a channel.
    Newest(&'a str),
    /// One version, as in "1.4.0+b17".
    Pinned(&'a str),
}

/// Where an extra file's content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// In the profile.
    Text(&'a str),
    /// In a file; the path is relative to the folder of profiles.
    File(&'a Path),
}

impl Network {
    /// DHCP, or a fixed address with its router.
    ///
    /// # Errors
    /// Only for a value that did not come from [`super::load`].
    pub fn addressing(&self) -> Result<Addressing> {
        let (Some(address), Some(gateway)) = (&self.address, &self.gateway) else {
            return Ok(Addressing::Dhcp);
        };
        let wrong = |text: &str| Error::new(Kind::Input, format!("{text:?} is not an address"));
        let (own, prefix) = interface(address).map_err(|_| wrong(address))?;
        let gateway = gateway.parse().map_err(|_| wrong(gateway))?;
        Ok(Addressing::Static { address: own, prefix, gateway })
    }
}

impl Profile {
    /// The channel, or the pinned version.
    ///
    /// # Errors
    /// Only for a value that did not come from [`super::load`].
    pub fn release(&self) -> Result<Release<'_>> {
        match (&self.channel, &self.bundle) {
            (Some(channel), None) => Ok(Release::Newest(channel)),
            (None, Some(version)) => Ok(Release::Pinned(version)),
            _ => Err(Error::new(Kind::Input, "exactly one of channel and bundle must be set")),
        }
    }

    /// The store's URL, `https://…` or `file:///…`; `file:folder` is below `root`, which must be
    /// absolute. The profile keeps what was written: no path of this machine reaches an image.
    pub fn store_url(&self, root: &Path) -> String {
        match self.store.strip_prefix("file:") {
            Some(folder) if !folder.starts_with('/') => {
                format!("file://{}", root.join(folder).display())
            }
            _ => self.store.clone(),
        }
    }

    /// The machine's host name.
    pub fn hostname(&self) -> &str {
        self.system.hostname.as_deref().unwrap_or(&self.customer.id)
    }

    /// The machine's time zone.
    pub fn timezone(&self) -> &str {
        self.system.timezone.as_deref().unwrap_or("UTC")
    }

    /// The product's name for people.
    pub fn product(&self) -> &str {
        self.branding.product.as_deref().unwrap_or(&self.site)
    }

    pub(super) fn with_defaults(mut self, id: &str) -> Self {
        if self.customer.id.is_empty() {
            id.clone_into(&mut self.customer.id);
        }
        self
    }
}

impl ExtraFile {
    /// The text, or the file that holds it.
    pub fn what(&self) -> Content<'_> {
        match &self.source {
            Some(source) => Content::File(Path::new(source)),
            None => Content::Text(self.content.as_deref().unwrap_or_default()),
        }
    }

    /// The permission bits.
    ///
    /// # Errors
    /// Only for a value that did not come from [`super::load`].
    pub fn permissions(&self) -> Result<u16> {
        u16::from_str_radix(&self.mode, 8).map_err(|e| {
            Error::new(Kind::Input, format!("{:?} is not a file's mode", self.mode)).because(e)
        })
    }
}
