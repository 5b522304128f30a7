//! What a document about an image says besides the components: which image, whose, and when.

use uuid::Uuid;

use super::component::{Component, Inventory, Sort};
use crate::error::Result;
use crate::units::{Digest, Timestamp};

/// Ours, for UUIDs of version 5 (RFC 9562, 5.5): drawn once.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f0c_9c1e_52a7_4c38_9d0b_7a1e_43f5_c2d8);

/// The image that a document is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its name: the customer's id, or what else tells images apart.
    pub name: String,
    /// Its version.
    pub version: String,
    /// When the document was made.
    pub created: Timestamp,
    /// Who supplies the image, and what of the vendor's own is in it.
    pub supplier: Option<String>,
    /// The files that hold it, one for each format.
    pub files: Vec<File>,
}

/// A file that holds the image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct File {
    /// Its name, without a folder.
    pub name: String,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
}

impl Subject {
    /// What names a document: equal for equal contents, and never for others.
    pub(super) fn id(&self, inventory: &Inventory) -> Result<Uuid> {
        let Self { name, version, created, supplier, files } = self;
        let mut text =
            format!("{name}\n{version}\n{created}\n{}\n", supplier.as_deref().unwrap_or(""));
        for File { name, sha256 } in files {
            text.push_str(&format!("{sha256} {name}\n"));
        }
        text.push_str(&inventory.text()?);
        Ok(Uuid::new_v5(&NAMESPACE, text.as_bytes()))
    }

    /// Whose a component is: the vendor's own things are the image's supplier's.
    pub(super) fn party(&self, component: &Component) -> Option<Party> {
        let own = matches!(component.sort, Sort::Base | Sort::Bundle | Sort::App);
        let named = component.supplier.as_deref();
        Party::parse(named.or(self.supplier.as_deref().filter(|_| own))?)
    }
}

/// A person or an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Party {
    pub name: String,
    pub email: Option<String>,
}

impl Party {
    /// `Name <address>`, and what npm allows behind it.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, rest) = text.split_once('<').unwrap_or((text, ""));
        let name = name.split('(').next().unwrap_or_default();
        let plain: String =
            name.chars().filter(|c| !c.is_control() && !"()\"".contains(*c)).collect();
        let name = plain.split_whitespace().collect::<Vec<_>>().join(" ");
        let email = rest.split('>').next().filter(|email| is_address(email)).map(str::to_owned);
        (!name.is_empty()).then_some(Self { name, email })
    }

    /// Whether the name is that of several: a guess, which SPDX asks for.
    pub fn is_organization(&self) -> bool {
        const MANY: [&str; 14] = [
            "Team",
            "Maintainers",
            "maintainers",
            "Developers",
            "developers",
            "Group",
            "Packagers",
            "Packaging",
            "Debian",
            "Ubuntu",
            "Project",
            "Labs",
            "Pupuli",
            "Inc",
        ];
        MANY.iter().any(|word| self.name.contains(word))
    }
}

fn is_address(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    text.split_once('@').is_some_and(|(local, host)| {
        let part = |part: &str| !part.is_empty() && part.chars().all(allowed);
        part(local) && part(host) && !host.starts_with('.') && !host.ends_with('.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_is_a_name_with_an_address_that_is_one() {
        let party = Party::parse("Debian GCC Maintainers <debian-gcc@lists.debian.org>").unwrap();
        assert_eq!(party.email.as_deref(), Some("debian-gcc@lists.debian.org"));
        assert!(party.is_organization());
        let party = Party::parse("A \"B\" (c) D <not an address> (https://x)").unwrap();
        assert_eq!((party.name.as_str(), party.email), ("A B", None));
        assert_eq!(Party::parse(" <a@b.example>"), None);
    }
}
