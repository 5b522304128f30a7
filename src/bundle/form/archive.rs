//! The .tgz: a strict subset of ustar that has one form for one content.
//!
//! Regular files alone, the manifest first, then exactly the files that it lists, in its order, two zero
//! blocks, one gzip member, the end. Reading accepts nothing else. A tolerant reader (links, pax records,
//! any order) was rejected: each of these is a way to make two programs see different contents, and we
//! write every bundle ourselves.

use std::io::{BufReader, Read, Write};

use flate2::bufread::GzDecoder;
use flate2::{Compression, GzBuilder};
use tar::{EntryType, Header};

use super::manifest::{FileRecord, MANIFEST, Manifest};
use super::path::refused;
use crate::error::{Context, Error, Kind, Result};
use crate::units::{ByteSize, Digest, GIB, Hasher, MIB};

/// Size of a tar block in bytes (POSIX.1-1988, ustar).
const BLOCK: u64 = 512;
/// The level: what the archive costs in time is small beside what it costs in every store and download.
const LEVEL: u32 = 9;

/// What an archive may cost whoever reads it, whatever its manifest says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The manifest's size in bytes.
    pub manifest: u64,
    /// Number of files.
    pub files: usize,
    /// Sum of the files' sizes in bytes.
    pub total: u64,
    /// Sum of the files' sizes for each byte of the archive. Deflate itself reaches 1,032; code and packed
    /// apps stay below 20.
    pub ratio: u64,
}

pub(crate) const LIMITS: Limits =
    Limits { manifest: 16 * MIB, files: 100_000, total: 4 * GIB, ratio: 250 };

/// Writes the archive; `content` opens the bytes of a listed file.
///
/// # Errors
/// When a file is no longer what the manifest says: it was changed while the bundle was being built.
pub(crate) fn write<R: Read>(
    to: impl Write,
    manifest: &Manifest,
    mut content: impl FnMut(&FileRecord) -> Result<R>,
) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(manifest)
        .map_err(|e| Error::new(Kind::Input, "cannot write the manifest").because(e))?;
    text.push(b'\n');
    // no name, no time, no operating system in the header: they are what differs between builders
    let mut gz = GzBuilder::new().write(to, Compression::new(LEVEL));
    put(&mut gz, MANIFEST, 0o644, text.len() as u64, &text[..])?;
    for file in &manifest.files {
        let found = put(&mut gz, &file.path, file.mode, file.size, content(file)?)?;
        if found != file.sha256 {
            return Err(changed(&file.path));
        }
    }
    gz.write_all(&[0; 2 * BLOCK as usize]).doing("cannot write the archive")?;
    gz.finish().doing("cannot write the archive")?.flush().doing("cannot write the archive")
}

fn put(to: &mut impl Write, path: &str, mode: u16, size: u64, from: impl Read) -> Result<Digest> {
    to.write_all(only_header(path, size, mode)?.as_bytes()).doing("cannot write the archive")?;
    // one byte more than promised is enough to see that a file has grown
    let mut from = Hashed::new(from.take(size + 1));
    let copied = std::io::copy(&mut from, to).doing("cannot write the archive")?;
    if copied != size {
        return Err(changed(path));
    }
    let padding = size.next_multiple_of(BLOCK) - size;
    to.write_all(&[0; BLOCK as usize][..padding as usize]).doing("cannot write the archive")?;
    Ok(from.hasher.finish())
}

/// The only header that an entry of this name, size and mode can have.
fn only_header(path: &str, size: u64, mode: u16) -> Result<Header> {
    let mut header = Header::new_ustar();
    header
        .set_path(path)
        .map_err(|_| refused(path, "it does not fit a ustar header; shorten its parts"))?;
    header.set_mode(mode.into());
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_entry_type(EntryType::Regular);
    header.set_cksum();
    Ok(header)
}

fn changed(path: &str) -> Error {
    Error::new(Kind::Io, format!("{path} changed while the bundle was being built"))
        .remedy("build again")
}

/// Hears of each file; may read as much of it as it likes.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(&FileRecord, &mut dyn Read) -> Result<()>;

/// Reads and proves the whole archive of `size` bytes. Whoever keeps what `sink` saw must throw it away
/// when this ends with an error: then the archive is refused whole.
pub(crate) fn read(from: impl Read, size: u64, limits: Limits, sink: Sink<'_>) -> Result<Manifest> {
    let mut gz = GzDecoder::new(BufReader::with_capacity(1 << 17, from));
    let manifest = read_manifest(&mut gz, limits)?;
    check_limits(&manifest, size, limits)?;
    for file in &manifest.files {
        let header = next(&mut gz)?
            .ok_or_else(|| refused(&file.path, "the manifest lists it, the archive ends before"))?;
        check_header(&header, &file.path, file.size, file.mode)?;
        read_file(&mut gz, file, sink)?;
    }
    if let Some(header) = next(&mut gz)? {
        return Err(refused(&shown(&header), "the manifest does not list it"));
    }
    check_end(gz)?;
    Ok(manifest)
}

/// Reads the manifest alone: what `resolve` and `plan` need of an archive whose digest is proven.
pub(crate) fn manifest(from: impl Read, limits: Limits) -> Result<Manifest> {
    read_manifest(&mut GzDecoder::new(BufReader::new(from)), limits)
}

fn read_manifest(gz: &mut impl Read, limits: Limits) -> Result<Manifest> {
    let header =
        next(gz)?.ok_or_else(|| Error::new(Kind::Damaged, "the bundle is an empty archive"))?;
    let size = header_size(&header)?;
    if size > limits.manifest {
        return Err(refused(MANIFEST, &format!("it is larger than {}", ByteSize(limits.manifest))));
    }
    check_header(&header, MANIFEST, size, 0o644)?;
    let mut bytes = vec![0; size as usize];
    gz.read_exact(&mut bytes).map_err(|e| cut(MANIFEST, e))?;
    skip_padding(gz, MANIFEST, size)?;
    Manifest::parse(&bytes)
}

fn check_limits(manifest: &Manifest, size: u64, limits: Limits) -> Result<()> {
    let refuse = |what: String| Err(Error::new(Kind::Refused, what));
    if manifest.files.len() > limits.files {
        return refuse(format!("the bundle has more than {} files", limits.files));
    }
    let sum = manifest.files.iter().try_fold(0u64, |sum, f| sum.checked_add(f.size));
    match sum {
        Some(total) if total <= limits.total.min(size.saturating_mul(limits.ratio)) => Ok(()),
        Some(total) if total <= limits.total => {
            refuse(format!("the bundle of {} would unpack to {}", ByteSize(size), ByteSize(total)))
        }
        _ => refuse(format!("the bundle would unpack to more than {}", ByteSize(limits.total))),
    }
}

/// The next header; none at the two zero blocks that end the archive.
fn next(gz: &mut impl Read) -> Result<Option<Header>> {
    let mut header = Header::new_ustar();
    gz.read_exact(header.as_mut_bytes()).map_err(|e| cut("a header", e))?;
    if header.as_bytes().iter().all(|&b| b == 0) {
        let mut second = [1; BLOCK as usize];
        gz.read_exact(&mut second).map_err(|e| cut("its end", e))?;
        if second.iter().all(|&b| b == 0) {
            return Ok(None);
        }
        return Err(Error::new(Kind::Damaged, "the bundle's archive goes on after its end"));
    }
    let sum: u32 = header.as_bytes().iter().enumerate().fold(0, |sum, (i, &b)| {
        // the checksum field itself counts as spaces
        sum + u32::from(if (148..156).contains(&i) { b' ' } else { b })
    });
    if header.cksum().ok() != Some(sum) {
        return Err(Error::new(Kind::Damaged, "a header of the bundle's archive is damaged"));
    }
    Ok(Some(header))
}

fn check_header(header: &Header, path: &str, size: u64, mode: u16) -> Result<()> {
    let name = shown(header);
    if header.entry_type() != EntryType::Regular || header.as_ustar().is_none() {
        return Err(refused(&name, &format!("it is {}", kind(header.entry_type()))));
    }
    if *header.path_bytes() != *path.as_bytes() {
        // its own fault first, which says more than that it was not expected
        super::path::check(&name)?;
        return Err(refused(&name, &format!("the manifest has {path:?} in its place")));
    }
    if header.mode().ok() != Some(mode.into()) {
        return Err(refused(&name, &format!("its mode is not {mode:04o}, as listed")));
    }
    if header_size(header)? != size {
        return Err(refused(&name, &format!("its size is not {size}, as listed")));
    }
    // owners, times, what other readers might see behind a name's end
    if header.as_bytes() != only_header(path, size, mode)?.as_bytes() {
        return Err(refused(&name, "its header is not the one that slipway writes"));
    }
    Ok(())
}

fn header_size(header: &Header) -> Result<u64> {
    header.size().map_err(|_| refused(&shown(header), "its size is not a number"))
}

fn kind(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Regular => "no ustar entry",
        EntryType::Symlink => "a symbolic link",
        EntryType::Link => "a hard link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a named pipe",
        EntryType::Directory => "a folder of its own",
        EntryType::XHeader | EntryType::XGlobalHeader => "a pax record",
        EntryType::GNULongName | EntryType::GNULongLink => "a GNU long name",
        _ => "no regular file",
    }
}

fn shown(header: &Header) -> String {
    String::from_utf8_lossy(&header.path_bytes()).into_owned()
}

fn read_file(gz: &mut impl Read, file: &FileRecord, sink: Sink<'_>) -> Result<()> {
    let mut content = Hashed::new(gz.take(file.size));
    sink(file, &mut content)?;
    std::io::copy(&mut content, &mut std::io::sink()).map_err(|e| cut(&file.path, e))?;
    if content.inner.limit() > 0 {
        return Err(cut(&file.path, std::io::ErrorKind::UnexpectedEof.into()));
    }
    if content.hasher.finish() != file.sha256 {
        return Err(refused(&file.path, "its digest is not the listed one"));
    }
    skip_padding(gz, &file.path, file.size)
}

fn skip_padding(gz: &mut impl Read, path: &str, size: u64) -> Result<()> {
    let length = (size.next_multiple_of(BLOCK) - size) as usize;
    let mut padding = [0; BLOCK as usize];
    gz.read_exact(&mut padding[..length]).map_err(|e| cut(path, e))?;
    if padding.iter().any(|&b| b != 0) {
        return Err(refused(path, "bytes are hidden behind it"));
    }
    Ok(())
}

/// Nothing may follow, neither in the gzip member (whose checksum is read here) nor behind it.
fn check_end(mut gz: GzDecoder<BufReader<impl Read>>) -> Result<()> {
    let mut byte = [0];
    if gz.read(&mut byte).map_err(|e| cut("its end", e))? > 0 {
        return Err(Error::new(Kind::Damaged, "the bundle's archive goes on after its end"));
    }
    if gz.into_inner().read(&mut byte).doing("cannot read the bundle")? > 0 {
        let message = "the bundle's file goes on after the archive";
        return Err(Error::new(Kind::Damaged, message));
    }
    Ok(())
}

fn cut(what: &str, error: std::io::Error) -> Error {
    let what = what.escape_debug();
    Error::new(Kind::Damaged, format!("the bundle's archive is damaged or cut at {what}"))
        .because(error)
}

/// Hashes what is read through it.
struct Hashed<R> {
    inner: R,
    hasher: Hasher,
}

impl<R: Read> Hashed<R> {
    fn new(inner: R) -> Self {
        Self { inner, hasher: Hasher::default() }
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..n]);
        Ok(n)
    }
}
