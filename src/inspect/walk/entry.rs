//! What is in an image, name by name, as it is written beside a release and read back.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::units::Digest;

/// The version of [`Contents`] that is written; all versions from 1 on can be read.
pub const FORMAT: u32 = 1;
/// What the paths of the EFI partition's files begin with; no path of the root does.
pub const ESP: &str = "esp:/";

/// One name in an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its path from the root, with a leading slash; [`ESP`] first on the EFI partition. Bytes that are no UTF-8 are
    /// written as `\xNN`.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits; on the EFI partition those that Linux shows.
    #[serde(with = "octal")]
    pub mode: u16,
    /// The owner.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub uid: u32,
    /// The group.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gid: u32,
    /// Bytes of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Where a symbolic link leads, or the first name of the same file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Major and minor number of a device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<(u32, u32)>,
    /// The digest of a file's bytes, where it was worked out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// Whether everybody on the machine may read it; only then does what is written have its digest.
    #[serde(skip)]
    pub public: bool,
}

/// What a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Symlink,
    /// Another name of a file.
    HardLink,
    /// A device of characters.
    CharDevice,
    /// A device of blocks.
    BlockDevice,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// Something that a later program knows.
    #[serde(other)]
    Other,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Everything in an image, sorted by path.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Contents {
    /// Version of this format: [`FORMAT`], or what an older program wrote.
    pub format: u32,
    /// Each name, once.
    pub entries: Vec<Entry>,
}

impl Contents {
    /// The text that may be published: an entry a line. It has the digest of a file only where everybody on the machine
    /// may read that file, because a short secret could be guessed from its digest.
    pub fn text(&self) -> Result<String> {
        let failed = |e| {
            Error::new(Kind::Input, "the list of an image's files cannot be written").because(e)
        };
        let mut text = format!("{{\"format\":{FORMAT},\"entries\":[");
        for (i, entry) in self.entries.iter().enumerate() {
            let sha256 = entry.sha256.filter(|_| entry.public);
            let line = serde_json::to_string(&Entry { sha256, ..entry.clone() }).map_err(failed)?;
            text.push_str(if i == 0 { "\n" } else { ",\n" });
            text.push_str(&line);
        }
        text.push_str("\n]}\n");
        Ok(text)
    }

    /// Reads what [`Self::text`] wrote, in this version or another.
    ///
    /// # Errors
    /// [`Kind::Refused`] for one of a newer format, [`Kind::Damaged`] for what is none.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let damaged =
            |e| Error::new(Kind::Damaged, "this is no list of an image's files").because(e);
        let Head { format } = serde_json::from_slice(bytes).map_err(damaged)?;
        if format > FORMAT {
            let message =
                format!("the list of files has format {format}, this slipway reads {FORMAT}");
            return Err(Error::new(Kind::Refused, message).remedy("use a newer slipway"));
        }
        let mut contents: Self = serde_json::from_slice(bytes).map_err(damaged)?;
        for entry in &mut contents.entries {
            entry.public = entry.sha256.is_some();
        }
        Ok(contents)
    }
}

mod octal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(mode: &u16, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&format_args!("{mode:04o}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<u16, D::Error> {
        let text = String::deserialize(d)?;
        u16::from_str_radix(&text, 8).map_err(D::Error::custom)
    }
}

/// A name's bytes as a text that no other bytes have.
pub(super) fn shown(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, public: bool) -> Entry {
        Entry {
            path: path.to_owned(),
            kind: EntryKind::File,
            mode: 0o4640,
            uid: 0,
            gid: 42,
            size: Some(4),
            target: None,
            device: None,
            sha256: Some(Digest::of("4711")),
            public,
        }
    }

    #[test]
    fn the_digest_of_a_file_that_not_everybody_may_read_is_not_written() {
        let contents =
            Contents { format: FORMAT, entries: vec![entry("/a", true), entry("/b", false)] };
        let text = contents.text().unwrap();
        assert_eq!(text.matches(&Digest::of("4711").to_string()).count(), 1, "{text}");
        let read = Contents::parse(text.as_bytes()).unwrap();
        assert_eq!(read.entries[0], contents.entries[0]);
        assert_eq!(read.entries[1].sha256, None);
    }

    #[test]
    fn a_list_of_a_later_program_with_more_in_it_is_read_and_one_of_a_later_format_is_refused() {
        let text = r#"{"format":1,"more":1,"entries":[{"path":"/x","kind":"whiteout","mode":"0644","more":[]}]}"#;
        let read = Contents::parse(text.as_bytes()).unwrap();
        assert_eq!(read.entries[0].kind, EntryKind::Other);
        let kind = |text: &str| Contents::parse(text.as_bytes()).unwrap_err().kind();
        assert_eq!(kind(r#"{"format":2}"#), Kind::Refused);
        assert_eq!(kind("{}"), Kind::Damaged);
    }

    #[test]
    fn names_of_other_bytes_stay_different() {
        assert_eq!(shown("/ü".as_bytes()), "/ü");
        assert_eq!(shown(b"/\xFF\x80"), "/\\xff\\x80");
    }
}
