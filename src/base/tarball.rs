//! Pinned root archives: fetched, verified, unpacked to a plain tar.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;

use super::Tarball;
use crate::error::{Context, Error, Kind, Result};
use crate::progress::Progress;
use crate::units::Hasher;

/// Copies the archive to `target`, uncompressed; the bytes are hashed while they stream.
///
/// # Errors
/// [`Kind::Damaged`] when the file is not the pinned one; in that case nothing of it was used.
pub fn fetch(
    tarball: &Tarball,
    folder: &Path,
    target: &Path,
    progress: &dyn Progress,
) -> Result<()> {
    let (reader, length) = open(&tarball.source, folder)?;
    progress.step("fetching the root archive", length);
    let mut source = Hashing { reader, hasher: Hasher::default(), progress };
    let mut out = File::create(target).at("cannot create", target)?;
    let copied = {
        let mut plain =
            decompressed(&tarball.source, BufReader::with_capacity(1 << 18, &mut source))?;
        copy(&mut plain, &mut out, target, progress)
    };
    progress.go_on()?;
    // bytes after the compressed stream count for the digest, and so do those that a damaged one
    // left unread
    std::io::copy(&mut source, &mut std::io::sink())
        .doing(format!("cannot read {}", tarball.source))?;
    let found = source.hasher.finish();
    if found != tarball.sha256 {
        return Err(Error::new(
            Kind::Damaged,
            format!(
                "{} has the SHA-256 {found}, not the one that the definition pins",
                tarball.source
            ),
        )
        .remedy(
            "find out why it changed; if that is right, write the new sum into the definition",
        ));
    }
    copied
}

fn copy(from: &mut dyn Read, out: &mut File, target: &Path, progress: &dyn Progress) -> Result<()> {
    let mut buffer = vec![0; 1 << 18];
    loop {
        progress.go_on()?;
        let n = match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e).doing("cannot unpack the root archive"),
        };
        out.write_all(&buffer[..n]).at("cannot write", target)?;
    }
}

fn open(source: &str, folder: &Path) -> Result<(Box<dyn Read>, Option<u64>)> {
    if source.starts_with("https://") {
        return open_remote(source);
    }
    if source.contains("://") && !source.starts_with("file:///") {
        return Err(Error::new(Kind::Input, format!("{source} is neither https nor a file"))
            .remedy("write https://…, file:///… or a path"));
    }
    let path = folder.join(source.strip_prefix("file://").unwrap_or(source));
    let file = File::open(&path).at("cannot open the root archive", &path)?;
    let length = file.metadata().at("cannot read the length", &path)?.len();
    Ok((Box::new(file), Some(length)))
}

fn open_remote(url: &str) -> Result<(Box<dyn Read>, Option<u64>)> {
    let failed = |e: reqwest::Error| {
        Error::new(Kind::Network, format!("cannot fetch {url}")).because(e.without_url())
    };
    // a provider that is already installed serves as well
    let _ = rustls::crypto::ring::default_provider().install_default();
    // the time limit would include the body: a slow connection is no error
    let client = reqwest::blocking::Client::builder().timeout(None).build().map_err(failed)?;
    let answer = client.get(url).send().and_then(reqwest::blocking::Response::error_for_status);
    let answer = answer.map_err(failed)?;
    let length = answer.content_length();
    Ok((Box::new(answer), length))
}

fn decompressed<'a>(name: &str, reader: impl Read + 'a) -> Result<Box<dyn Read + 'a>> {
    let name = name.split(['?', '#']).next().unwrap_or(name);
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| name.ends_with(suffix));
    if ends(&[".tar.gz", ".tgz"]) {
        return Ok(Box::new(flate2::read::MultiGzDecoder::new(reader)));
    }
    if ends(&[".tar.xz", ".txz"]) {
        return Ok(Box::new(liblzma::read::XzDecoder::new_multi_decoder(reader)));
    }
    if ends(&[".tar.zst", ".tzst"]) {
        let decoder = zstd::Decoder::new(reader).doing("cannot start zstd")?;
        return Ok(Box::new(decoder));
    }
    if ends(&[".tar"]) {
        return Ok(Box::new(reader));
    }
    Err(Error::new(Kind::Input, format!("{name} is no root archive"))
        .remedy("name a .tar, .tar.gz, .tar.xz or .tar.zst"))
}

/// Hashes the bytes that are read through it, and reports progress.
struct Hashing<'a> {
    reader: Box<dyn Read>,
    hasher: Hasher,
    progress: &'a dyn Progress,
}

impl Read for Hashing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.reader.read(buffer)?;
        self.hasher.update(&buffer[..n]);
        self.progress.advance(n as u64);
        Ok(n)
    }
}
