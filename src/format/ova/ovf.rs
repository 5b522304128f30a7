//! The description: an OVF 1.0 envelope (DMTF DSP0243 1.1.0, whose namespace is version 1's; the
//! schema is DSP8023). VMware's additions use its own attributes, which others skip.

use super::names::Names;
use super::xml::Xml;
use super::{hardware, properties};
use crate::format::Machine;
use crate::format::machine::GuestOs;

/// The namespaces, each with the prefix that importers expect; the envelope's is also the default
/// one.
const NAMESPACES: [(&str, &str); 5] = [
    ("xmlns", "http://schemas.dmtf.org/ovf/envelope/1"),
    ("xmlns:ovf", "http://schemas.dmtf.org/ovf/envelope/1"),
    (
        "xmlns:rasd",
        "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData",
    ),
    (
        "xmlns:vssd",
        "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData",
    ),
    ("xmlns:vmw", "http://www.vmware.com/schema/ovf"),
];
/// VMware's name for the format of a disk's file.
const DISK_FORMAT: &str =
    "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized";
const FILE_ID: &str = "file1";
const DISK_ID: &str = "vmdisk1";
/// VMware's name for the only network of a new host, where it is chosen without a question.
const NETWORK: &str = "VM Network";

/// What the description says about the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskFacts {
    /// The virtual disk, in bytes.
    pub capacity: u64,
    /// The disk's file, in bytes.
    pub file: u64,
    /// How much of the virtual disk holds data, in bytes.
    pub populated: u64,
}

/// The document, whose length is always that of [`length`].
///
/// It comes first but contains something that is known last: the size of the disk's file. So line
/// ends after the root element, where XML allows them, make up for shorter numbers.
pub fn document(machine: &Machine, names: &Names, disk: &DiskFacts) -> String {
    let mut document = render(machine, names, disk);
    let length = length(machine, names, disk.capacity);
    document.extend(std::iter::repeat_n('\n', length.saturating_sub(document.len())));
    document
}

/// The document's length, whatever the size of the disk's file will be.
pub fn length(machine: &Machine, names: &Names, capacity: u64) -> usize {
    let longest = DiskFacts { capacity, file: u64::MAX, populated: u64::MAX };
    render(machine, names, &longest).len()
}

fn render(machine: &Machine, names: &Names, disk: &DiskFacts) -> String {
    Xml::document(|xml| {
        xml.element("Envelope", &NAMESPACES, |xml| {
            references(names, disk, xml);
            disks(disk, xml);
            networks(xml);
            system(machine, xml);
        });
    })
}

fn references(names: &Names, disk: &DiskFacts, xml: &mut Xml) {
    let size = disk.file.to_string();
    let file = [("ovf:href", names.disk.as_str()), ("ovf:id", FILE_ID), ("ovf:size", &size)];
    xml.element("References", &[], |xml| xml.empty("File", &file));
}

fn disks(disk: &DiskFacts, xml: &mut Xml) {
    let (capacity, populated) = (disk.capacity.to_string(), disk.populated.to_string());
    let attributes = [
        ("ovf:capacity", capacity.as_str()),
        ("ovf:capacityAllocationUnits", "byte"),
        ("ovf:diskId", DISK_ID),
        ("ovf:fileRef", FILE_ID),
        ("ovf:format", DISK_FORMAT),
        ("ovf:populatedSize", &populated),
    ];
    xml.element("DiskSection", &[], |xml| {
        xml.leaf("Info", "Virtual disks");
        xml.empty("Disk", &attributes);
    });
}

fn networks(xml: &mut Xml) {
    xml.element("NetworkSection", &[], |xml| {
        xml.leaf("Info", "Logical networks");
        xml.element("Network", &[("ovf:name", NETWORK)], |xml| {
            xml.leaf("Description", "The network where the appliance serves");
        });
    });
}

fn system(machine: &Machine, xml: &mut Xml) {
    xml.element("VirtualSystem", &[("ovf:id", &machine.title)], |xml| {
        xml.leaf("Info", "A virtual machine");
        xml.leaf("Name", &machine.title);
        notes(machine, xml);
        product(machine, xml);
        let (id, vmware) = os(machine.os);
        let os = [("ovf:id", id), ("vmw:osType", vmware)];
        xml.element("OperatingSystemSection", &os, |xml| {
            xml.leaf("Info", "The installed operating system");
        });
        hardware::write(machine, DISK_ID, NETWORK, xml);
    });
}

/// CIM_OperatingSystem's number, and VMware's name. VMware's are names that hardware version 13
/// knows: a newer Debian runs as "Debian 10", whose devices are the same, and an unknown name is a
/// warning.
fn os(os: GuestOs) -> (&'static str, &'static str) {
    match os {
        GuestOs::Debian => ("96", "debian10_64Guest"),
        GuestOs::Ubuntu => ("94", "ubuntu64Guest"),
        GuestOs::Linux => ("101", "otherLinux64Guest"),
    }
}

/// The text that importers keep as the machine's notes.
fn notes(machine: &Machine, xml: &mut Xml) {
    if machine.about.notes.is_empty() {
        return;
    }
    xml.element("AnnotationSection", &[], |xml| {
        xml.leaf("Info", "What this machine is");
        xml.leaf("Annotation", &machine.about.notes);
    });
}

/// In the schema's order. Without a class: the machine reads the plain keys.
fn product(machine: &Machine, xml: &mut Xml) {
    xml.element("ProductSection", &[], |xml| {
        xml.leaf("Info", "The product and what can be set");
        xml.leaf("Product", &machine.product);
        let about = &machine.about;
        for (name, text) in [
            ("Vendor", &about.vendor),
            ("Version", &machine.version),
            ("FullVersion", &machine.full_version),
            ("ProductUrl", &about.product_url),
            ("AppUrl", &about.app_url),
        ] {
            if !text.is_empty() {
                xml.leaf(name, text);
            }
        }
        if let Some(settings) = &machine.settings {
            properties::write(settings, xml);
        }
    });
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::format::machine::{About, Settings};
    use crate::units::{ByteSize, Digest, GIB, Timestamp};

    /// A machine.
    pub fn machine() -> Machine {
        Machine {
            plan: Digest::of("a plan"),
            time: Timestamp::from_seconds(1_700_000_000),
            name: "demo-1.0.0".into(),
            title: "demo-1.0.0".into(),
            product: "Demo".into(),
            version: "1.0.0".into(),
            full_version: "demo-1.0.0 abc".into(),
            about: About::default(),
            os: GuestOs::Debian,
            vcpus: 2,
            memory: ByteSize(2 * GIB),
            settings: Some(Settings { hostname: "demo".into(), ..Settings::default() }),
        }
    }

    fn facts(file: u64) -> DiskFacts {
        DiskFacts { capacity: 8 * GIB, file, populated: file / 2 }
    }

    #[test]
    fn the_document_s_length_does_not_depend_on_the_size_of_the_disk_s_file() {
        let (machine, names) = (machine(), Names::of("demo"));
        let documents = [0, 512, 9_999_999_999, u64::MAX].map(facts);
        let lengths = documents.map(|facts| document(&machine, &names, &facts).len());
        assert_eq!(lengths, [length(&machine, &names, 8 * GIB); 4]);
    }

    #[test]
    fn a_profile_s_values_are_shown_and_never_preset() {
        let mut machine = machine();
        let dns = vec!["192.0.2.1".into(), "192.0.2.2".into()];
        machine.settings = Some(Settings { dns, ..Settings::default() });
        let document = document(&machine, &Names::of("demo"), &facts(1));
        assert_eq!(document.matches("ovf:value=\"\"").count(), 7);
        assert_eq!(document.matches("ovf:userConfigurable=\"true\"").count(), 7);
        assert!(document.contains("Empty: 192.0.2.1, 192.0.2.2."));
        assert!(document.contains("Empty: DHCP."));
        machine.settings = None;
        let document = render(&machine, &Names::of("demo"), &facts(1));
        assert!(!document.contains("Property") && !document.contains("transport"));
    }
}
