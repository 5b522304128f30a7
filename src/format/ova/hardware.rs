//! The virtual hardware that an importer makes, as CIM resource allocations (DSP0243 1.1.0,
//! "Virtual Hardware Description"; the numbers of resource types are
//! CIM_ResourceAllocationSettingData's).
//!
//! VMware and VirtualBox both accept every choice here without a question; the image has the
//! drivers for all others. LSI Logic for the disk: VirtualBox has no paravirtual SCSI
//! (home-assistant/operating-system#1674 came to the same). E1000 for the network: VirtualBox does
//! not know VmxNet3, which is faster on VMware and can be chosen there after the import.

use super::xml::Xml;
use crate::format::Machine;
use crate::units::MIB;

/// CIM's resource types.
const PROCESSOR: &str = "3";
const MEMORY: &str = "4";
const IDE_CONTROLLER: &str = "5";
const SCSI_CONTROLLER: &str = "6";
const ETHERNET: &str = "10";
const CD_DRIVE: &str = "15";
const DISK_DRIVE: &str = "17";

/// The items' numbers; a device names its controller by number.
const PROCESSOR_ID: &str = "1";
const MEMORY_ID: &str = "2";
const SCSI_ID: &str = "3";
const IDE_ID: &str = "4";
const CD_ID: &str = "5";
const DISK_ID: &str = "6";
const ETHERNET_ID: &str = "7";

/// VMware's hardware version 13: ESXi 6.5, Workstation 14. Older ones do not accept manifests with
/// SHA-256 either, and newer hardware has nothing that an appliance needs.
const HARDWARE: &str = "vmx-13";
/// How properties reach the machine: through VMware's guest variables, or else on a CD-ROM that the
/// hypervisor makes (DSP0243 1.1.0, "Transport media type"). VMware uses the first that it
/// supports.
const TRANSPORT: &str = "com.vmware.guestInfo iso";

/// A child of an item and its text.
type Field<'a> = (&'a str, &'a str);

/// Writes the hardware section; `disk` and `network` are names from their sections.
pub fn write(machine: &Machine, disk: &str, network: &str, xml: &mut Xml) {
    let transport: &[Field<'_>] = match machine.settings {
        Some(_) => &[("ovf:transport", TRANSPORT)],
        None => &[],
    };
    xml.element("VirtualHardwareSection", transport, |xml| {
        xml.leaf("Info", "Virtual hardware");
        xml.element("System", &[], |xml| {
            xml.leaf("vssd:ElementName", "Virtual Hardware Family");
            xml.leaf("vssd:InstanceID", "0");
            xml.leaf("vssd:VirtualSystemIdentifier", &machine.title);
            xml.leaf("vssd:VirtualSystemType", HARDWARE);
        });
        capacity(machine, xml);
        controllers(xml);
        drives(disk, xml);
        ethernet(network, xml);
    });
}

fn capacity(machine: &Machine, xml: &mut Xml) {
    let vcpus = machine.vcpus.to_string();
    // a profile's memory is in whole MiB
    let memory = machine.memory.bytes().div_ceil(MIB).to_string();
    item(
        xml,
        &[
            ("AllocationUnits", "hertz * 10^6"),
            ("Description", "Number of virtual processors"),
            ("ElementName", "Processors"),
            ("InstanceID", PROCESSOR_ID),
            ("ResourceType", PROCESSOR),
            ("VirtualQuantity", &vcpus),
        ],
    );
    item(
        xml,
        &[
            ("AllocationUnits", "byte * 2^20"),
            ("Description", "Memory in MiB"),
            ("ElementName", "Memory"),
            ("InstanceID", MEMORY_ID),
            ("ResourceType", MEMORY),
            ("VirtualQuantity", &memory),
        ],
    );
}

fn controllers(xml: &mut Xml) {
    item(
        xml,
        &[
            ("Address", "0"),
            ("Description", "SCSI controller"),
            ("ElementName", "SCSI Controller 0"),
            ("InstanceID", SCSI_ID),
            ("ResourceSubType", "lsilogic"),
            ("ResourceType", SCSI_CONTROLLER),
        ],
    );
    item(
        xml,
        &[
            ("Address", "0"),
            ("Description", "IDE controller of the CD-ROM drive"),
            ("ElementName", "IDE Controller 0"),
            ("InstanceID", IDE_ID),
            ("ResourceType", IDE_CONTROLLER),
        ],
    );
}

fn drives(disk: &str, xml: &mut Xml) {
    // empty, so that the transport "iso" has a drive
    optional_item(
        xml,
        &[
            ("AddressOnParent", "0"),
            ("AutomaticAllocation", "false"),
            ("Description", "CD-ROM drive, for properties"),
            ("ElementName", "CD-ROM 1"),
            ("InstanceID", CD_ID),
            ("Parent", IDE_ID),
            ("ResourceSubType", "vmware.cdrom.remotepassthrough"),
            ("ResourceType", CD_DRIVE),
        ],
    );
    item(
        xml,
        &[
            ("AddressOnParent", "0"),
            ("Description", "Hard disk"),
            ("ElementName", "Hard Disk 1"),
            ("HostResource", &format!("ovf:/disk/{disk}")),
            ("InstanceID", DISK_ID),
            ("Parent", SCSI_ID),
            ("ResourceType", DISK_DRIVE),
        ],
    );
}

fn ethernet(network: &str, xml: &mut Xml) {
    item(
        xml,
        &[
            ("AutomaticAllocation", "true"),
            ("Connection", network),
            ("Description", "E1000 network adapter"),
            ("ElementName", "Network Adapter 1"),
            ("InstanceID", ETHERNET_ID),
            ("ResourceSubType", "E1000"),
            ("ResourceType", ETHERNET),
        ],
    );
}

/// An item that the importer must make.
fn item(xml: &mut Xml, fields: &[Field<'_>]) {
    fields_of(xml, &[], fields);
}

/// An item that the importer may leave out when it does not know it.
fn optional_item(xml: &mut Xml, fields: &[Field<'_>]) {
    fields_of(xml, &[("ovf:required", "false")], fields);
}

/// The schema requires an item's children in alphabetical order. The callers keep to it, and a test
/// reads it back.
fn fields_of(xml: &mut Xml, attributes: &[Field<'_>], fields: &[Field<'_>]) {
    xml.element("Item", attributes, |xml| {
        for (name, value) in fields {
            xml.leaf(&format!("rasd:{name}"), value);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::ova::ovf::tests::machine;

    fn section() -> String {
        Xml::document(|xml| write(&machine(), "disk1", "net", xml))
    }

    #[test]
    fn an_item_s_children_stand_in_the_schema_s_order() {
        let section = section();
        let items: Vec<&str> = section.split("<Item").skip(1).collect();
        assert_eq!(items.len(), 7);
        for item in items {
            let names = item.lines().filter_map(|l| l.trim().strip_prefix("<rasd:"));
            let names: Vec<&str> = names.filter_map(|l| l.split('>').next()).collect();
            assert!(names.is_sorted() && names.len() > 3, "{names:?}");
        }
    }

    #[test]
    fn home_assistant_1674_the_disk_hangs_on_a_controller_that_both_importers_know() {
        let section = section();
        assert!(section.contains("<rasd:ResourceSubType>lsilogic</rasd:ResourceSubType>"));
        assert!(section.contains("<rasd:HostResource>ovf:/disk/disk1</rasd:HostResource>"));
    }
}
