//! Package URLs (ECMA-427): the name of a component that scanners and databases of flaws look it up by.
//!
//! Our own things have the type `generic` and a namespace that says what they are: an app called `express` is not
//! the public package of that name, and must not inherit its flaws.

use super::component::{OperatingSystem, Sort};

/// A package of dpkg, as in `pkg:deb/debian/curl@7.88.1-10?arch=amd64&distro=debian-12`.
pub(super) fn deb(
    name: &str,
    version: &str,
    architecture: &str,
    system: Option<&OperatingSystem>,
) -> String {
    let vendor = system.map_or("debian", |system| &system.id);
    let (vendor, name) = (encoded(vendor), encoded(name));
    let mut purl =
        format!("pkg:deb/{vendor}/{name}@{}?arch={}", encoded(version), encoded(architecture));
    if let Some(OperatingSystem { id, version: Some(version), .. }) = system {
        purl.push_str(&format!("&distro={}", encoded(&format!("{id}-{version}"))));
    }
    purl
}

/// An npm package; a scope's @ is encoded.
pub(super) fn npm(name: &str, version: &str) -> String {
    format!("pkg:npm/{}{}", path(name), at(version))
}

/// A Puppet module with its author. The type is only proposed, but it is the one that others use.
pub(super) fn puppet(author: &str, name: &str, version: &str) -> String {
    format!("pkg:puppet/{}/{}{}", encoded(author), encoded(name), at(version))
}

/// A thing of the vendor's, or of ours.
pub(super) fn own(sort: Sort, name: &str, version: &str) -> String {
    let what = match sort {
        Sort::Base => "base",
        Sort::Bundle => "bundle",
        Sort::App => "app",
        Sort::Module => "module",
        Sort::Package => "package",
        Sort::Npm => "npm",
        Sort::Other => "other",
    };
    format!("pkg:generic/{what}/{}{}", path(name), at(version))
}

fn at(version: &str) -> String {
    if version.is_empty() { String::new() } else { format!("@{}", encoded(version)) }
}

/// A name whose slashes part namespaces.
fn path(name: &str) -> String {
    name.split('/').map(encoded).collect::<Vec<_>>().join("/")
}

/// Percent-encoded but for what ECMA-427, 5.4 leaves as it is.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b':' => {
                encoded.push(char::from(byte));
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purls_are_written_as_their_specification_has_them() {
        let debian =
            OperatingSystem { id: "debian".into(), version: Some("12".into()), name: None };
        assert_eq!(
            deb("libstdc++6", "1:12.2.0+x~1", "amd64", Some(&debian)),
            "pkg:deb/debian/libstdc%2B%2B6@1:12.2.0%2Bx~1?arch=amd64&distro=debian-12"
        );
        assert_eq!(npm("@acme/ui", "1.0.0"), "pkg:npm/%40acme/ui@1.0.0");
        assert_eq!(npm("ms", ""), "pkg:npm/ms");
        assert_eq!(puppet("puppetlabs", "stdlib", "8.5.0"), "pkg:puppet/puppetlabs/stdlib@8.5.0");
        assert_eq!(own(Sort::App, "@acme/ui", "1.0.0"), "pkg:generic/app/%40acme/ui@1.0.0");
        assert_eq!(own(Sort::Bundle, "demo", "1.0.0+b1"), "pkg:generic/bundle/demo@1.0.0%2Bb1");
    }
}
