//! npm's .tgz: read with limits, and written so that equal contents give equal bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::{Compression, GzBuilder};
use tar::EntryType;

use crate::error::{Context, Error, Kind, Result};
use crate::gzip;
use crate::tree::tar::{Budget, Foreign, Members, Sort};
use crate::units::{ByteSize, Digest, GIB, MIB};

/// The folder that holds the files of every npm package.
pub(crate) const ROOT: &str = "package/";
/// The time of every entry: the one that npm itself gives them, 1985-10-26 08:15 UTC. With the
/// commit's time, a commit that changes nothing would make another package.
const TIME: u64 = 499_162_500;
/// The largest size that a package may unpack to, in bytes.
const LARGEST: u64 = GIB;
/// The largest size of a package's archive in bytes, headers included.
const LONGEST: u64 = LARGEST + 256 * MIB;
/// The most files and folders that a package may have.
const MOST: usize = 100_000;

/// A file of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub executable: bool,
    pub bytes: Vec<u8>,
}

/// A package's files by their names, which begin with `package/`.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub files: BTreeMap<String, Member>,
    pub digest: Digest,
    pub size: u64,
}

impl Held {
    /// The application's own package.json.
    pub(super) fn package_json(&self) -> Result<&[u8]> {
        let file = self.files.get(&format!("{ROOT}package.json"));
        file.map(|member| &*member.bytes).ok_or_else(|| {
            Error::new(Kind::Damaged, "the package holds no package/package.json")
                .remedy("make it with `slipway app pack`")
        })
    }
}

/// Reads a whole package into memory.
pub(crate) fn read(path: &Path) -> Result<Held> {
    let file = File::open(path).at("cannot open the package", path)?;
    let (digest, size) = Digest::of_reader(&file).at("cannot read the package", path)?;
    let file = File::open(path).at("cannot open the package", path)?;
    let file = BufReader::with_capacity(1 << 17, file);
    let files = gzip::whole(file, LONGEST, "the package", |tar| members(tar, &|_| true));
    let files = files.map_err(|e| e.at(path))?;
    Ok(Held { files, digest, size })
}

/// The package.json files of a package, by their names; the package may be one that somebody else made, in any file.
pub(crate) fn descriptions(from: impl BufRead) -> Result<BTreeMap<String, Vec<u8>>> {
    let wanted = |name: &str| name.rsplit('/').next() == Some("package.json");
    let files = gzip::whole(from, LONGEST, "the package", |tar| members(tar, &wanted))?;
    let wanted = files.into_iter().filter(|(name, _)| wanted(name));
    Ok(wanted.map(|(name, member)| (name, member.bytes)).collect())
}

/// All files; those that are not wanted without their bytes.
fn members(from: impl Read, wanted: &dyn Fn(&str) -> bool) -> Result<BTreeMap<String, Member>> {
    let mut files = BTreeMap::new();
    let mut archive = Members::new(from);
    let mut budget = Budget::new(MOST, LARGEST);
    while let Some(member) = archive.next_member()? {
        if !budget.take(&member) {
            let size = ByteSize(LARGEST);
            let message = format!("the package has over {MOST} files and folders, or over {size}");
            return Err(Error::new(Kind::Refused, message));
        }
        let Foreign { name, sort, size, mode } = member;
        match sort {
            Sort::Folder => continue,
            Sort::File if name.starts_with(ROOT) => {}
            Sort::File => return Err(refused(&name, "it is not a name below package/")),
            Sort::Other => return Err(refused(&name, "it is no regular file")),
        }
        let mut bytes = Vec::new();
        if wanted(&name) {
            (&mut archive).take(size).read_to_end(&mut bytes).doing("cannot read the package")?;
        }
        let executable = mode & 0o111 != 0;
        if files.insert(name.clone(), Member { executable, bytes }).is_some() {
            return Err(refused(&name, "it is there twice"));
        }
    }
    check_folders(&files)?;
    Ok(files)
}

/// A name cannot be both a file's and a folder's: neither tar nor npm could unpack both.
fn check_folders(files: &BTreeMap<String, Member>) -> Result<()> {
    for name in files.keys() {
        let mut above = name.match_indices('/').map(|(end, _)| &name[..end]);
        if above.any(|folder| files.contains_key(folder)) {
            return Err(refused(name, "it lies below a file"));
        }
    }
    Ok(())
}

fn refused(name: &str, why: &str) -> Error {
    let name = name.escape_debug();
    Error::new(Kind::Damaged, format!("the package's file \"{name}\" is refused: {why}"))
}

/// Writes a package: sorted, one time, one owner, two modes, and nothing about the machine in
/// gzip's header.
pub(crate) fn write(files: &BTreeMap<String, Member>, to: &Path) -> Result<()> {
    let file = File::create(to).at("cannot create", to)?;
    let mut archive = tar::Builder::new(GzBuilder::new().write(file, Compression::best()));
    for (name, member) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(if member.executable { 0o755 } else { 0o644 });
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(TIME);
        header.set_size(member.bytes.len() as u64);
        header.set_entry_type(EntryType::Regular);
        archive.append_data(&mut header, name, &member.bytes[..]).at("cannot write", to)?;
    }
    let file = archive.into_inner().and_then(|gz| gz.finish()).at("cannot write", to)?;
    file.sync_all().at("cannot flush", to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tar(name: &str, kind: EntryType) -> Vec<u8> {
        let mut header = tar::Header::new_ustar();
        let field = &mut header.as_old_mut().name;
        field[..name.len()].copy_from_slice(name.as_bytes());
        header.set_mode(0o644);
        header.set_size(0);
        header.set_entry_type(kind);
        header.set_cksum();
        [header.as_bytes().to_vec(), vec![0; 1024]].concat()
    }

    fn gzip(tar: &[u8]) -> Vec<u8> {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), Compression::fast());
        std::io::Write::write_all(&mut gz, tar).unwrap();
        gz.finish().unwrap()
    }

    /// What must be refused, and a function that makes the archive.
    type Case = (&'static str, fn() -> Vec<u8>);

    #[rustfmt::skip]
    const CASES: &[Case] = &[
        ("a name outside of package/", || gzip(&tar("x", EntryType::Regular))),
        ("an absolute path", || gzip(&tar("/package/x", EntryType::Regular))),
        ("a path that climbs out", || gzip(&tar("package/../x", EntryType::Regular))),
        ("a name that is a folder's", || gzip(&tar("package/", EntryType::Regular))),
        ("an empty part", || gzip(&tar("package/a//b", EntryType::Regular))),
        ("a control character", || gzip(&tar("package/a\nb", EntryType::Regular))),
        ("a symbolic link", || gzip(&tar("package/x", EntryType::Symlink))),
        ("a hard link", || gzip(&tar("package/x", EntryType::Link))),
        ("a device", || gzip(&tar("package/x", EntryType::Char))),
        ("a named pipe", || gzip(&tar("package/x", EntryType::Fifo))),
        ("a name twice", || gzip(&[&tar("package/x", EntryType::Regular)[..512], &good()].concat())),
        ("a file below a file", || gzip(&[&tar("package/x", EntryType::Regular)[..512], &tar("package/x/y", EntryType::Regular)].concat())),
        ("a part that no file system holds", || gzip(&pax(&record("path", &format!("package/{}", "x".repeat(300)))))),
        ("a sparse file", || gzip(&pax(&record("GNU.sparse.major", "1")))),
        ("a damaged record", || gzip(&pax(b"99 path=package/y\n"))),
        ("text that turns", || gzip(&pax(&record("path", "package/a\u{202e}sj.b")))),
        ("no end mark", || gzip(&good()[..512])),
        ("half an end mark", || gzip(&good()[..1024])),
        ("half an end mark between members", || gzip(&[&good()[..1024], &good()].concat())),
        ("bytes behind the tar's end", || gzip(&[good(), b"x".to_vec()].concat())),
        ("bytes behind the gzip member", || [gzip(&good()), b"x".to_vec()].concat()),
        ("a second gzip member", || [gzip(&good()), gzip(&good())].concat()),
        ("a truncated gzip", || { let mut all = gzip(&good()); all.pop(); all }),
        ("a wrong checksum", || { let mut all = gzip(&good()); let n = all.len(); all[n - 6] ^= 1; all }),
    ];

    /// A pax record (POSIX.1-2001, pax, "Extended Header"): its own length is part of it.
    fn record(key: &str, value: &str) -> Vec<u8> {
        let rest = format!(" {key}={value}\n");
        let length = (1..=4)
            .map(|digits| rest.len() + digits)
            .find(|n| n.to_string().len() + rest.len() == *n);
        format!("{}{rest}", length.unwrap()).into_bytes()
    }

    /// A file with extended records before it.
    fn pax(records: &[u8]) -> Vec<u8> {
        let mut header = tar::Header::new_ustar();
        header.set_path("records").unwrap();
        header.set_size(records.len() as u64);
        header.set_entry_type(EntryType::XHeader);
        header.set_cksum();
        let mut bytes = [header.as_bytes(), records].concat();
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        [bytes, good()].concat()
    }

    #[test]
    fn a_name_that_is_long_but_can_be_is_read_from_a_record() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let name = format!("package/{}/x.js", "y".repeat(200));
        std::fs::write(file.path(), gzip(&pax(&record("path", &name)))).unwrap();
        assert_eq!(read(file.path()).unwrap().files.keys().collect::<Vec<_>>(), [&name]);
    }

    fn good() -> Vec<u8> {
        tar("package/x", EntryType::Regular)
    }

    #[test]
    fn each_hostile_package_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (proves, make) in CASES {
            std::fs::write(file.path(), make()).unwrap();
            assert!(read(file.path()).is_err(), "{proves}");
        }
        std::fs::write(file.path(), gzip(&good())).unwrap();
        assert_eq!(read(file.path()).unwrap().files.len(), 1);
    }
}
