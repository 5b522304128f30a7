//! Rules for OVA packages, whoever imports them (DMTF DSP0243 1.1).

use roxmltree::{Document, Node, ParsingOptions};

use super::Finding;
use crate::inspect::{Algorithm, ManifestLine, PackageText};

/// The namespace of descriptions of version 1; importers refuse the later one.
const OVF_1: &str = "http://schemas.dmtf.org/ovf/envelope/1";
/// The most elements of a description that are read.
const NODES: u32 = 100_000;
/// Kinds of hardware (CIM_ResourceAllocationSettingData.ResourceType).
const NETWORK: &str = "10";
const CONTROLLERS: [&str; 3] = ["5", "6", "20"];

/// What a package says about itself.
#[derive(Clone, Debug, Default)]
pub struct Package {
    /// Why the description cannot be read.
    pub broken: Option<String>,
    /// The description's namespace.
    pub namespace: String,
    /// The files that the description names, in its order.
    pub files: Vec<File>,
    /// The disks that it names.
    pub disks: Vec<Disk>,
    /// The hardware that it is for, as in "vmx-14 vmx-13".
    pub systems: String,
    /// Controllers of disks, as in "lsilogic".
    pub controllers: Vec<String>,
    /// Network cards, as in "E1000".
    pub networks: Vec<String>,
    text: PackageText,
}

/// A file that a description names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// The name by which disks refer to it.
    pub id: String,
    /// The member's name, with a URI's percent-encoding decoded.
    pub name: String,
    /// Its length, in bytes.
    pub size: Option<u64>,
}

/// A disk that a description names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// The file that it is made from; none for an empty one.
    pub file: Option<String>,
    /// Its size, in bytes; none if it is given in a form that is not supported here.
    pub capacity: Option<u64>,
}

impl Package {
    /// Reads the description.
    pub fn new(text: &PackageText) -> Self {
        let mut package = Self { text: text.clone(), ..Self::default() };
        let options = ParsingOptions { nodes_limit: NODES, ..ParsingOptions::default() };
        match Document::parse_with_options(&text.description, options) {
            Ok(document) => package.read(&document),
            Err(error) => package.broken = Some(error.to_string()),
        }
        package
    }

    fn read(&mut self, document: &Document<'_>) {
        let root = document.root_element();
        self.namespace = root.tag_name().namespace().unwrap_or_default().to_owned();
        for node in root.descendants() {
            match node.tag_name().name() {
                "File" => self.files.push(File {
                    id: attribute(node, "id").unwrap_or_default().to_owned(),
                    name: percent_decoded(attribute(node, "href").unwrap_or_default()),
                    size: attribute(node, "size").and_then(|size| size.parse().ok()),
                }),
                "Disk" => self.disks.push(Disk {
                    file: attribute(node, "fileRef").map(str::to_owned),
                    capacity: capacity(node),
                }),
                "VirtualSystemType" => self.systems = node.text().unwrap_or_default().to_owned(),
                "Item" => self.item(node),
                _ => {}
            }
        }
    }

    fn item(&mut self, item: Node<'_, '_>) {
        let child = |name| {
            let node = item.children().find(|node| node.tag_name().name() == name);
            node.and_then(|node| node.text()).unwrap_or_default().trim().to_owned()
        };
        let kind = child("ResourceType");
        if kind == NETWORK {
            self.networks.push(child("ResourceSubType"));
        } else if CONTROLLERS.contains(&kind.as_str()) {
            self.controllers.push(child("ResourceSubType"));
        }
    }

    /// The version of VMware's hardware: the lowest one named.
    pub fn hardware(&self) -> Option<u32> {
        let versions = self.systems.split([' ', ',']);
        versions.filter_map(|word| word.strip_prefix("vmx-")?.parse().ok()).min()
    }
}

fn attribute<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.attributes().find(|a| a.name() == name).map(|a| a.value())
}

/// A disk's capacity in bytes: a number of units such as "byte * 2^30" (DSP0243 1.1, 9.1).
fn capacity(disk: Node<'_, '_>) -> Option<u64> {
    let number: u64 = attribute(disk, "capacity")?.trim().parse().ok()?;
    let units = attribute(disk, "capacityAllocationUnits").unwrap_or("byte").replace(' ', "");
    let unit = match units.strip_prefix("byte")? {
        "" => 1,
        power => 1u64.checked_shl(power.strip_prefix("*2^")?.parse().ok()?)?,
    };
    number.checked_mul(unit)
}

/// Decodes a reference into the name that it stands for (RFC 3986, 2.1).
fn percent_decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, others @ ..] = rest {
        let code = others.first_chunk::<2>().and_then(|digits| str::from_utf8(digits).ok());
        match code.filter(|_| *first == b'%').and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &others[2..];
            }
            None => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Findings for every importer about a package around a disk of `size` bytes.
pub fn check(package: &Package, size: u64) -> Vec<Finding> {
    let mut findings = Vec::new();
    let again = "build it again, or convert it: slipway convert IMAGE --to ova";
    if let Some(reason) = &package.broken {
        let reason = format!("the description is no XML: {reason}");
        findings.push(Finding::error("ovf", reason, again));
    } else if package.namespace != OVF_1 {
        let reason = format!("the description is not of OVF 1: {:?}", package.namespace);
        findings.push(Finding::error("ovf-version", reason, again));
    }
    let members = &package.text.members;
    if members.first().is_none_or(|first| !first.name.to_ascii_lowercase().ends_with(".ovf")) {
        let reason = "the description (.ovf) is not the first member of the archive";
        findings.push(Finding::error("ovf-first", reason, again));
    }
    for member in members.iter().filter(|member| member.extended) {
        let reason = format!("the member {} has a header that is not of ustar", member.name);
        findings.push(Finding::warning("ustar", reason, again));
    }
    for member in members.iter().filter(|member| member.is_apple_double()) {
        let reason =
            format!("the member {} was added by macOS, and importers fail on it", member.name);
        let fix = "pack it with COPYFILE_DISABLE=1 in tar's environment";
        findings.push(Finding::warning("macos", reason, fix));
    }
    findings.extend(check_files(package, size, again));
    match &package.text.manifest {
        Some(manifest) => findings.extend(check_manifest(package, manifest)),
        None => {
            let reason = "there is no manifest: nobody notices when a download was damaged";
            findings.push(Finding::warning("manifest", reason, again));
        }
    }
    findings
}

/// Compares what the description says about files and disks with the real ones.
fn check_files(package: &Package, size: u64, again: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut wrong = |rule, reason: String| findings.push(Finding::error(rule, reason, again));
    for file in &package.files {
        let name = &file.name;
        match package.text.members.iter().find(|member| member.name == *name) {
            None => {
                let reason = format!("the description names {name}, which is not in the package");
                wrong("missing-file", reason);
            }
            Some(member) if file.size.is_some_and(|size| size != member.size) => {
                let (real, said) = (member.size, file.size.unwrap_or_default());
                let reason =
                    format!("the description says that {name} has {said} bytes, and it has {real}");
                wrong("file-size", reason);
            }
            Some(_) => {}
        }
    }
    for disk in &package.disks {
        let Some(id) = &disk.file else { continue };
        if !package.files.iter().any(|file| file.id == *id) {
            wrong("file-ref", format!("a disk is made from the file {id}, which no reference has"));
        }
        if let Some(capacity) = disk.capacity.filter(|capacity| *capacity < size) {
            let reason = format!(
                "the description asks for a disk of {capacity} bytes, and the one in the package has {size}"
            );
            wrong("capacity", reason);
        }
    }
    findings
}

fn check_manifest(package: &Package, manifest: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let fix = "build it again: a manifest is made after all other members";
    let mut named = Vec::new();
    let members = || package.text.to_be_named();
    for line in manifest.lines().filter(|line| !line.trim().is_empty()) {
        let parsed = ManifestLine::parse(line);
        match parsed.filter(|line| line.exact) {
            Some(line) => named.push(line.name),
            None => {
                let reason = format!("VMware does not read this line of the manifest: {line:?}");
                let fix = "write SHA256(NAME)= DIGEST, without a space before the parenthesis";
                findings.push(Finding::error("manifest-line", reason, fix));
            }
        }
        let Some(ManifestLine { algorithm, name, .. }) = parsed else { continue };
        if algorithm == Algorithm::Sha1 {
            let reason = "the manifest has SHA-1 digests, which new versions of vSphere refuse";
            findings.push(Finding::warning("manifest-sha1", reason, fix));
        }
        if !members().any(|member| member.name == name) {
            let reason = format!("the manifest names {name}, which is not in the package");
            findings.push(Finding::error("manifest-name", reason, fix));
        }
    }
    for name in package.text.changed() {
        let reason = format!("{name} is not what the manifest says: it is damaged");
        findings.push(Finding::error("manifest-digest", reason, fix));
    }
    for member in members().filter(|member| !named.contains(&member.name.as_str())) {
        let reason = format!("the manifest does not name {}", member.name);
        findings.push(Finding::error("manifest-lacks", reason, fix));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_uris_and_capacities_in_their_units() {
        let names = ["my%20disk.vmdk", "100%.vmdk", "%zz", "a%2Bb", "%"].map(percent_decoded);
        assert_eq!(names, ["my disk.vmdk", "100%.vmdk", "%zz", "a+b", "%"]);
        let of = |attributes: &str| {
            let text = format!("<Disk {attributes}/>");
            capacity(Document::parse(&text).unwrap().root_element())
        };
        assert_eq!(of("capacity='8' capacityAllocationUnits='byte * 2^30'"), Some(8 << 30));
        assert_eq!(of("capacity='512'"), Some(512));
        for unknown in
            ["", "capacity='${size}'", "capacity='1' capacityAllocationUnits='MegaBytes'"]
        {
            assert_eq!(of(unknown), None, "{unknown}");
        }
    }
}
