//! Image formats, and the platforms that take them: what profiles ask for, what `lint` judges by, and what the page
//! that goes with an image says.
//!
//! A profile may name either. A platform stands for the format that is best there; `imports` says what to do with it.

mod imports;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use imports::{Import, imports};

/// An image format.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// A sparse raw disk.
    Raw,
    /// A raw disk compressed with zstd.
    RawZst,
    /// QEMU's copy-on-write format, deflated: every QEMU reads it.
    Qcow2,
    /// QEMU's copy-on-write format, compressed with zstd: needs QEMU 5.1.
    Qcow2Zstd,
    /// QEMU's copy-on-write format, not compressed.
    Qcow2Plain,
    /// VMware's streamOptimized disk: compressed, for import.
    Vmdk,
    /// VMware's monolithicSparse disk: not compressed, for Workstation and Fusion.
    VmdkSparse,
    /// An OVF package in one file: VMware, VirtualBox and others import it.
    Ova,
    /// A fixed VHD: Azure.
    Vhd,
    /// A dynamic VHD: Hyper-V, generation 1.
    VhdDynamic,
    /// A dynamic VHDX: Hyper-V.
    Vhdx,
    /// A gzipped tar with the raw disk: Google Compute Engine.
    Gce,
}

impl Format {
    /// Every format, in the order of this page.
    pub const ALL: [Self; 12] = [
        Self::Raw,
        Self::RawZst,
        Self::Qcow2,
        Self::Qcow2Zstd,
        Self::Qcow2Plain,
        Self::Vmdk,
        Self::VmdkSparse,
        Self::Ova,
        Self::Vhd,
        Self::VhdDynamic,
        Self::Vhdx,
        Self::Gce,
    ];

    /// Its name in profiles and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::RawZst => "raw-zst",
            Self::Qcow2 => "qcow2",
            Self::Qcow2Zstd => "qcow2-zstd",
            Self::Qcow2Plain => "qcow2-plain",
            Self::Vmdk => "vmdk",
            Self::VmdkSparse => "vmdk-sparse",
            Self::Ova => "ova",
            Self::Vhd => "vhd",
            Self::VhdDynamic => "vhd-dynamic",
            Self::Vhdx => "vhdx",
            Self::Gce => "gce",
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Where an image is meant to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Platform {
    /// ESXi and vCenter.
    Vmware,
    /// Oracle's VirtualBox.
    Virtualbox,
    /// Microsoft's Hyper-V, generations 1 and 2.
    #[serde(rename = "hyper-v")]
    Hyperv,
    /// Microsoft's cloud.
    Azure,
    /// Google Compute Engine.
    Gce,
    /// Amazon's VM Import.
    Aws,
    /// QEMU with KVM, and what is built on it.
    Kvm,
    /// Proxmox Virtual Environment, which is KVM with commands of its own.
    Proxmox,
}

/// What is known of a platform.
struct About {
    name: &'static str,
    /// Other ways to write the name.
    aliases: &'static [&'static str],
    title: &'static str,
    /// What is written for it, of all the formats that it takes.
    format: Format,
}

const fn about(
    name: &'static str,
    aliases: &'static [&'static str],
    title: &'static str,
    format: Format,
) -> About {
    About { name, aliases, title, format }
}

impl Platform {
    /// Every platform.
    pub const ALL: [Self; 8] = [
        Self::Vmware,
        Self::Virtualbox,
        Self::Hyperv,
        Self::Azure,
        Self::Gce,
        Self::Aws,
        Self::Kvm,
        Self::Proxmox,
    ];

    /// The table of platforms.
    const fn about(self) -> About {
        match self {
            Self::Vmware => {
                about("vmware", &[], "VMware vSphere, ESXi and Workstation", Format::Ova)
            }
            Self::Virtualbox => about("virtualbox", &[], "VirtualBox", Format::Ova),
            Self::Hyperv => about("hyper-v", &["hyperv"], "Hyper-V", Format::Vhdx),
            Self::Azure => about("azure", &[], "Azure", Format::Vhd),
            Self::Gce => about("gce", &[], "Google Compute Engine", Format::Gce),
            // VM Import takes no qcow2, and of what it takes this is the smallest
            Self::Aws => about("aws", &[], "Amazon EC2", Format::Vmdk),
            Self::Kvm => about("kvm", &[], "KVM and libvirt", Format::Qcow2),
            Self::Proxmox => about("proxmox", &[], "Proxmox VE", Format::Qcow2),
        }
    }

    /// Its name in profiles and on the command line.
    pub fn name(self) -> &'static str {
        self.about().name
    }

    /// Other ways to write it there.
    pub fn aliases(self) -> &'static [&'static str] {
        self.about().aliases
    }

    /// Its name for people.
    pub fn title(self) -> &'static str {
        self.about().title
    }

    /// The format that is written for it.
    pub fn format(self) -> Format {
        self.about().format
    }

    /// The platform of a name.
    pub fn named(name: &str) -> Option<Self> {
        let is_it = |about: About| about.name == name || about.aliases.contains(&name);
        Self::ALL.into_iter().find(|platform| is_it(platform.about()))
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The platforms in a list of formats and platforms, in whose places their formats are now; each format stands once.
/// What is neither is left as it is.
pub fn resolve(names: &mut Vec<Value>) -> Vec<Platform> {
    let mut platforms = Vec::new();
    let mut formats: Vec<Value> = Vec::new();
    for name in names.drain(..) {
        let platform = name.as_str().and_then(Platform::named);
        platforms.extend(platform.filter(|platform| !platforms.contains(platform)));
        let format = platform.map_or(name, |platform| platform.format().name().into());
        if !formats.contains(&format) {
            formats.push(format);
        }
    }
    *names = formats;
    platforms
}

/// What a profile may write in `formats`: the name of a format or of a platform. For the schema alone.
#[derive(Debug)]
pub enum Target {}

impl JsonSchema for Target {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Target".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let formats = Format::json_schema(generator);
        let formats = formats.get("oneOf").and_then(Value::as_array).cloned().unwrap_or_default();
        // "gce" is a format and a platform: what is said of the platform says more
        let is_platform = |case: &Value| {
            case["const"].as_str().is_some_and(|name| Platform::named(name).is_some())
        };
        let mut cases: Vec<_> = formats.into_iter().filter(|case| !is_platform(case)).collect();
        for platform in Platform::ALL {
            let about = format!("For {}: {}.", platform.title(), platform.format());
            for name in [platform.name()].iter().chain(platform.aliases()) {
                cases.push(json!({ "const": name, "description": about, "type": "string" }));
            }
        }
        let about = "An image format, or a platform that it is written for.";
        let schema = json!({ "description": about, "oneOf": cases });
        schema.as_object().cloned().unwrap_or_default().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_means_one_platform_and_no_format_but_that_of_the_same_name() {
        let mut seen = Vec::new();
        for platform in Platform::ALL {
            for name in [platform.name()].iter().chain(platform.aliases()) {
                assert_eq!(Platform::named(name), Some(platform));
                assert!(!seen.contains(name), "{name}");
                seen.push(*name);
                let format = Format::ALL.into_iter().find(|format| format.name() == *name);
                assert!(format.is_none_or(|format| format == platform.format()), "{name}");
            }
            let serialised = serde_json::to_value(platform).unwrap();
            assert_eq!(serialised, platform.name());
        }
        assert_eq!(Platform::named("hyperv"), Platform::named("hyper-v"));
    }

    #[test]
    fn platforms_become_formats_in_their_places_and_each_format_stands_once() {
        let names =
            ["raw", "vmware", "hyperv", "hyper-v", "virtualbox", "qcow2", "kvm", "nonsense"];
        let mut names: Vec<Value> = names.iter().map(|name| Value::from(*name)).collect();
        let platforms = resolve(&mut names);
        assert_eq!(names, ["raw", "ova", "vhdx", "qcow2", "nonsense"]);
        let asked = [Platform::Vmware, Platform::Hyperv, Platform::Virtualbox, Platform::Kvm];
        assert_eq!(platforms, asked);
    }

    #[test]
    fn there_is_something_to_do_with_each_format_and_on_each_platform() {
        for format in Format::ALL {
            assert!(imports(format).next().is_some(), "{format}");
        }
        for platform in Platform::ALL {
            assert!(imports(platform.format()).any(|import| import.platform == platform));
        }
    }
}
