//! Rules for OVA packages, whoever imports them (DMTF DSP0243 1.1).

use roxmltree::{Document, Node, ParsingOptions};

use super::Finding;
use crate::inspect::PackageText;

/// The namespace of descriptions of version 1; importers refuse the later one.
const OVF_1: &str = "http://schemas.dmtf.org/ovf/envelope/1";
/// The most elements of a description that are read.
const NODES: u32 = 100_000;
/// Kinds of hardware (CIM_ResourceAllocationSettingData.ResourceType).
const NETWORK: &str = "10";
const CONTROLLERS: [&str; 3] = ["5", "6", "20"];
/// Algorithms in a manifest, with the digits of their digests.
const ALGORITHMS: [(&str, usize); 3] = [("SHA1", 40), ("SHA256", 64), ("SHA512", 128)];

/// What a package says about itself.
#[derive(Clone, Debug, Default)]
pub struct Package {
    /// Why the description cannot be read.
    pub broken: Option<String>,
    /// The description's namespace.
    pub namespace: String,
    /// The files that the description names, in its order.
    pub files: Vec<String>,
    /// The hardware that it is for, as in "vmx-14 vmx-13".
    pub systems: String,
    /// Controllers of disks, as in "lsilogic".
    pub controllers: Vec<String>,
    /// Network cards, as in "E1000".
    pub networks: Vec<String>,
    text: PackageText,
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
                "File" => {
                    let named = node.attributes().find(|a| a.name() == "href");
                    self.files.extend(named.map(|a| a.value().to_owned()));
                }
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

    /// The version of VMware's hardware: the lowest of those that are named.
    pub fn hardware(&self) -> Option<u32> {
        let versions = self.systems.split([' ', ',']);
        versions.filter_map(|word| word.strip_prefix("vmx-")?.parse().ok()).min()
    }
}

/// What any importer would find.
pub fn check(package: &Package) -> Vec<Finding> {
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
    for file in &package.files {
        if !members.iter().any(|member| member.name == *file) {
            let reason = format!("the description names {file}, which is not in the package");
            findings.push(Finding::error("missing-file", reason, again));
        }
    }
    match &package.text.manifest {
        Some(manifest) => findings.extend(check_manifest(package, manifest)),
        None => {
            let reason = "there is no manifest: nobody notices when a download was damaged";
            findings.push(Finding::warning("manifest", reason, again));
        }
    }
    findings
}

fn check_manifest(package: &Package, manifest: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let fix = "build it again: a manifest is made after all other members";
    let mut named = Vec::new();
    for line in manifest.lines().filter(|line| !line.trim().is_empty()) {
        let Some((algorithm, name, digest)) = parse(line) else {
            let reason = format!("VMware does not read this line of the manifest: {line:?}");
            let fix = "write SHA256(NAME)= DIGEST, without a space before the parenthesis";
            findings.push(Finding::error("manifest-line", reason, fix));
            continue;
        };
        named.push(name);
        if algorithm == "SHA1" {
            let reason = "the manifest has SHA-1 digests, which new versions of vSphere refuse";
            findings.push(Finding::warning("manifest-sha1", reason, fix));
        }
        match package.text.digests.get(name) {
            None => {
                let reason = format!("the manifest names {name}, which is not in the package");
                findings.push(Finding::error("manifest-name", reason, fix));
            }
            Some(real)
                if algorithm == "SHA256" && !real.to_string().eq_ignore_ascii_case(digest) =>
            {
                let reason = format!("{name} is not what the manifest says: it is damaged");
                findings.push(Finding::error("manifest-digest", reason, fix));
            }
            Some(_) => {}
        }
    }
    for name in package.text.digests.keys().filter(|name| !named.contains(&name.as_str())) {
        let reason = format!("the manifest does not name {name}");
        findings.push(Finding::error("manifest-lacks", reason, fix));
    }
    findings
}

/// Algorithm, name and digest of a line as VMware reads it.
fn parse(line: &str) -> Option<(&str, &str, &str)> {
    let (algorithm, rest) = line.split_once('(')?;
    let (name, digest) = rest.rsplit_once(")= ")?;
    let (_, digits) = ALGORITHMS.iter().find(|(known, _)| *known == algorithm)?;
    let fits = digest.len() == *digits && digest.bytes().all(|b| b.is_ascii_hexdigit());
    fits.then_some((algorithm, name, digest))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_manifest_line_is_read_as_vmware_reads_it() {
        let digest = "0".repeat(64);
        let line = format!("SHA256(disk.vmdk)= {digest}");
        assert_eq!(parse(&line), Some(("SHA256", "disk.vmdk", digest.as_str())));
        for wrong in [
            format!("SHA256 (disk.vmdk)= {digest}"),
            format!("SHA256(disk.vmdk)={digest}"),
            format!("SHA256(disk.vmdk) = {digest}"),
            format!("MD5(disk.vmdk)= {digest}"),
            format!("SHA1(disk.vmdk)= {digest}"),
            format!("SHA256(disk.vmdk)= {digest} "),
        ] {
            assert_eq!(parse(&wrong), None, "{wrong}");
        }
    }
}
