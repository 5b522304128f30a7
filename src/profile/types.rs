//! What a customer asked for, after inheritance and validation. The schema is derived from these
//! types, so the doc comments below are what an editor shows.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::releasing::Releasing;
use crate::platform::{Format, Platform, Target};

/// One customer's appliance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Who it is for.
    pub customer: Customer,
    /// The base image, as in "debian-12": one that comes with slipway, or a file in images/,
    /// without .toml.
    #[schemars(extend("format" = "base"))]
    pub base: String,
    /// The site: the configuration bundle that converges the machine.
    #[schemars(extend("format" = "site"))]
    pub site: String,
    /// The channel whose newest release is taken; not together with `bundle`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "channel"))]
    pub channel: Option<String>,
    /// One pinned bundle version, as in "1.4.0+b17"; not together with `channel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "bundle-version"))]
    pub bundle: Option<String>,
    /// Where bundles are: azure://account/container/folder, s3://bucket/folder, gs://bucket/folder,
    /// https://host/path, file:///folder, or file:folder below the project's root. Never a secret.
    #[schemars(extend("format" = "store"))]
    pub store: String,
    /// How the machine converges.
    #[serde(default)]
    pub master: Master,
    /// The machine's name and time zone.
    #[serde(default)]
    pub system: System,
    /// Address, name servers, proxy, time servers.
    #[serde(default)]
    pub network: Network,
    /// The virtual machine that is described to the hypervisor.
    #[serde(default)]
    pub hardware: Hardware,
    /// The image formats to write, or the platforms to write them for, as in ["vmware", "hyper-v"].
    #[serde(default = "default_formats")]
    #[schemars(with = "Vec<Target>", length(min = 1), extend("uniqueItems" = true))]
    pub formats: Vec<Format>,
    /// Those platforms; `formats` has their formats. What comes out does not depend on why it was
    /// asked for, so no plan has it.
    #[serde(skip)]
    pub platforms: Vec<Platform>,
    /// Extra packages of the base's distribution.
    #[serde(default)]
    #[schemars(extend("format" = "package"))]
    pub packages: Vec<String>,
    /// Extra files.
    #[serde(default)]
    pub files: Vec<ExtraFile>,
    /// Who may log in.
    #[serde(default)]
    pub access: Access,
    /// Hiera data for this customer: it overrides the site's.
    #[serde(default)]
    pub hiera: BTreeMap<String, serde_json::Value>,
    /// What the console shows.
    #[serde(default)]
    pub branding: Branding,
    /// What the smoke test checks on the converged machine.
    #[serde(default)]
    pub probes: Vec<Probe>,
    /// What is decided about this customer's releases.
    #[serde(default, skip_serializing)]
    pub release: Releasing,
}

/// Who an appliance is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Customer {
    /// Short name for files: lowercase letters, digits and single hyphens, at most 40; by default
    /// the profile's file name.
    #[serde(default)]
    #[schemars(extend("format" = "customer-id"))]
    pub id: String,
    /// Name for people, in any language.
    #[schemars(extend("format" = "name"))]
    pub name: String,
    /// The customer's contact person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "name"))]
    pub contact: Option<String>,
}

/// How the machine converges.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Master {
    /// A local Puppet Server, or masterless `puppet apply`.
    pub mode: MasterMode,
    /// Minutes between runs after the first success, at most a week; 0 turns them off.
    #[schemars(range(max = 10080))]
    pub interval_minutes: u32,
}

/// How the machine converges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MasterMode {
    /// A local Puppet Server and an agent.
    #[default]
    Puppetserver,
    /// `puppet apply`, without a server: less memory.
    Apply,
}

/// The machine's name and time zone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct System {
    /// Host name, fully qualified or not; by default the customer's id.
    #[schemars(extend("format" = "host-name"))]
    pub hostname: Option<String>,
    /// A name of the time zone database, as in "Europe/Berlin"; UTC by default.
    #[schemars(extend("format" = "time-zone"))]
    pub timezone: Option<String>,
}

/// Address, name servers, proxy, time servers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// A fixed address with prefix length, as in "192.0.2.10/24"; DHCP without one.
    #[schemars(extend("format" = "interface-address"))]
    pub address: Option<String>,
    /// The router; needed with a fixed address.
    #[schemars(extend("format" = "ip-address"))]
    pub gateway: Option<String>,
    /// Name servers' addresses.
    #[schemars(extend("format" = "ip-address"))]
    pub dns: Vec<String>,
    /// The proxy for HTTP and HTTPS, as in `http://proxy.example:3128`.
    #[schemars(extend("format" = "proxy"))]
    pub proxy: Option<String>,
    /// Time servers.
    #[schemars(extend("format" = "time-server"))]
    pub ntp: Vec<String>,
}

/// The virtual machine that is described to the hypervisor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Hardware {
    /// Size of the virtual disk, as in "8 GiB".
    #[schemars(with = "String", extend("format" = "disk-size"))]
    pub disk: crate::units::ByteSize,
    /// Whether root grows to the size of the disk at every boot.
    pub grow: bool,
    /// Recommended processors.
    #[schemars(range(min = 1, max = 256))]
    pub vcpus: u32,
    /// Recommended memory, as in "2 GiB".
    #[schemars(with = "String", extend("format" = "memory-size"))]
    pub memory: crate::units::ByteSize,
}

/// One extra file in the image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtraFile {
    /// Where it goes: an absolute path in the image.
    #[schemars(extend("format" = "image-path"))]
    pub path: String,
    /// Its text; not together with `source`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "file-text"))]
    pub content: Option<String>,
    /// A file below profiles/, whichever profile names it; not together with `content`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "source-path"))]
    pub source: Option<String>,
    /// Permission bits in octal, as in "0644".
    #[serde(default = "default_mode")]
    #[schemars(extend("format" = "file-mode"))]
    pub mode: String,
}

/// Who may log in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Access {
    /// OpenSSH public keys of the user `admin`.
    #[schemars(extend("format" = "ssh-public-key"))]
    pub ssh_keys: Vec<String>,
    /// When settings in VMware's guestinfo, keys of `admin` among them, are believed after the
    /// first READY.
    pub guestinfo: Guestinfo,
}

/// When settings in VMware's guestinfo are believed. Any process of a guest can write there, unless
/// the virtual machine has `isolation.tools.setInfo.disable`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Guestinfo {
    /// Until the first READY; later ones once an administrator accepts them on the machine.
    #[default]
    Confirm,
    /// At every start.
    Always,
}

/// What the console shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Branding {
    /// The product's name; by default the site's.
    #[schemars(extend("format" = "name"))]
    pub product: Option<String>,
    /// Lines above the status on the console.
    #[schemars(extend("format" = "banner"))]
    pub banner: Option<String>,
    /// Who makes the product: importers of an OVA show it.
    #[schemars(extend("format" = "name"))]
    pub vendor: Option<String>,
    /// The product's page, as in `https://vendor.example/product`.
    #[schemars(extend("format" = "web-address"))]
    pub product_url: Option<String>,
    /// What the appliance is, in some lines: importers of an OVA keep it as the machine's notes.
    #[schemars(extend("format" = "notes"))]
    pub notes: Option<String>,
    /// Where the application is opened, as in `https://{address}:8443/`; `{address}` and
    /// `{hostname}` are the machine's own.
    #[schemars(extend("format" = "open-address"))]
    pub open: Option<String>,
}

/// What the smoke test checks on the converged machine: exactly one of `http`, `unit`, `command`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum Probe {
    /// An HTTP request to the machine, from outside.
    Http {
        /// Path with a leading slash, asked on `port`.
        #[schemars(extend("format" = "http-path"))]
        http: String,
        /// TCP port on the machine.
        #[serde(default = "default_port")]
        #[schemars(range(min = 1))]
        port: u16,
        /// Expected status.
        #[serde(default = "default_status")]
        #[schemars(range(min = 100, max = 599))]
        status: u16,
        /// Text that the answer must contain; `{nonce}` in it is this smoke test's own number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(extend("format" = "line"))]
        text: Option<String>,
        /// A body to send by POST, on the first boot only: what a later boot finds was kept.
        /// `{nonce}` in it is this smoke test's own number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(extend("format" = "line"))]
        post: Option<String>,
        /// The type of `post`; a form's by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(extend("format" = "line"))]
        content_type: Option<String>,
    },
    /// A systemd unit that must be active.
    Unit {
        /// The unit's name, as in "nginx.service".
        #[schemars(extend("format" = "unit"))]
        unit: String,
    },
    /// A command that must exit with 0, run as root on the machine.
    Command {
        /// For `sh -c`.
        #[schemars(extend("format" = "line"))]
        command: String,
    },
}

fn default_formats() -> Vec<Format> {
    vec![Format::Qcow2]
}

fn default_mode() -> String {
    "0644".to_owned()
}

fn default_port() -> u16 {
    80
}

fn default_status() -> u16 {
    200
}

impl Default for Master {
    fn default() -> Self {
        Self { mode: MasterMode::default(), interval_minutes: 30 }
    }
}

impl Default for Hardware {
    fn default() -> Self {
        use crate::units::{ByteSize, GIB};
        Self { disk: ByteSize(8 * GIB), grow: true, vcpus: 2, memory: ByteSize(2 * GIB) }
    }
}
