//! The machine around a disk, for formats that include a description.

use uuid::Uuid;

use crate::manifest::{self, ImageRecord, ProfileRecord};
use crate::units::{ByteSize, Digest, Timestamp};

/// All names that formats derive from a plan are in this namespace (RFC 9562, version 5). A
/// constant of this program: another value would give every image other identifiers.
const NAMESPACE: Uuid = Uuid::from_u128(0x4f0f_3a52_6d7e_5b0a_8b1c_90d2_3c77_a6e4);

/// What an importer is told about the machine. Pure data, and all of it reaches the artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The plan's digest, from which every identifier in the file follows.
    pub plan: Digest,
    /// The plan's time, which files in an archive get.
    pub time: Timestamp,
    /// The stem of files' names, as in "acme-1.0.0-0123abcd".
    pub name: String,
    /// The machine's name in the importer's list, as in "acme-1.0.0".
    pub title: String,
    /// The product's name, for people.
    pub product: String,
    /// The product's version, for people, as in "1.0.0+b17".
    pub version: String,
    /// Everything that tells this build from others, for people.
    pub full_version: String,
    /// Further information for people.
    pub about: About,
    /// The operating system.
    pub os: GuestOs,
    /// Recommended processors.
    pub vcpus: u32,
    /// Recommended memory.
    pub memory: ByteSize,
    /// The settings that it was built with; none for an image whose first boot reads no settings,
    /// so that importers do not ask for any.
    pub settings: Option<Settings>,
}

/// What importers show people about a product. Empty values are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The vendor.
    pub vendor: String,
    /// The product's page.
    pub product_url: String,
    /// Where the application is opened, if that is known before the machine runs.
    pub app_url: String,
    /// The machine's notes.
    pub notes: String,
}

/// The operating systems that importers distinguish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestOs {
    /// Debian, 64 bits.
    Debian,
    /// Ubuntu, 64 bits.
    Ubuntu,
    /// Any other Linux, 64 bits.
    Linux,
}

/// The settings that apply if the importer gives no others. Neither keys nor a proxy, which may
/// contain a password, are among them: everybody can read a description.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The host name.
    pub hostname: String,
    /// The address with its prefix's length; none for DHCP.
    pub address: Option<String>,
    /// The router.
    pub gateway: Option<String>,
    /// Name servers.
    pub dns: Vec<String>,
    /// Time servers.
    pub ntp: Vec<String>,
}

impl Machine {
    /// The machine that a record describes, so that a build and a later conversion of its image say
    /// the same.
    pub fn of(record: &ImageRecord) -> Self {
        let ImageRecord { profile, bundle, plan, .. } = record;
        let network = &profile.network;
        Self {
            plan: *plan,
            time: record.time,
            name: manifest::stem(&profile.customer.id, bundle, *plan),
            title: format!("{}-{}", profile.customer.id, bundle.version()),
            product: profile.product().to_owned(),
            version: bundle.version().to_owned(),
            full_version: format!("{} (plan {})", bundle.release, plan.short()),
            about: about(record),
            os: GuestOs::of_base(&record.base.name),
            vcpus: profile.hardware.vcpus,
            memory: profile.hardware.memory,
            settings: Some(Settings {
                hostname: profile.hostname().to_owned(),
                address: network.address.clone(),
                gateway: network.gateway.clone(),
                dns: network.dns.clone(),
                ntp: network.ntp.clone(),
            }),
        }
    }

    /// The identifier of this plan's `what`, as in "vhd": equal plans give equal files.
    pub fn id(&self, what: &str) -> Uuid {
        let mut bytes = self.plan.as_bytes().to_vec();
        bytes.extend_from_slice(what.as_bytes());
        Uuid::new_v5(&NAMESPACE, &bytes)
    }
}

fn about(record: &ImageRecord) -> About {
    let ImageRecord { profile, bundle, .. } = record;
    let branding = &profile.branding;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let made = format!("{} {} for {}.", profile.product(), bundle.version(), profile.customer.name);
    let open = branding.open.as_deref().map(|open| format!("To open it: {open}"));
    let lines = [Some(made), branding.notes.clone(), open];
    About {
        vendor: text(&branding.vendor),
        product_url: text(&branding.product_url),
        app_url: branding
            .open
            .as_deref()
            .and_then(|open| app_url(open, profile))
            .unwrap_or_default(),
        notes: lines.into_iter().flatten().collect::<Vec<_>>().join("\n"),
    }
}

/// None if the address comes from the network: an importer would show a link to nowhere.
fn app_url(open: &str, profile: &ProfileRecord) -> Option<String> {
    let open = open.replace("{hostname}", profile.hostname());
    if !open.contains("{address}") {
        return Some(open);
    }
    let (address, _) = profile.network.address.as_deref()?.split_once('/')?;
    let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    Some(open.replace("{address}", &host))
}

impl GuestOs {
    /// The operating system of a base, as in "debian-12".
    pub fn of_base(name: &str) -> Self {
        match name.split('-').next() {
            Some("debian") => Self::Debian,
            Some("ubuntu") => Self::Ubuntu,
            _ => Self::Linux,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_s_name_says_its_operating_system() {
        assert_eq!(GuestOs::of_base("debian-12"), GuestOs::Debian);
        assert_eq!(GuestOs::of_base("ubuntu-24.04"), GuestOs::Ubuntu);
        assert_eq!(GuestOs::of_base("debianish"), GuestOs::Linux);
    }
}
