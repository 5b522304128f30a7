//! The files that a bundle is made of, by their paths in it, before it is written.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Cursor, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::folder::{name_of, sorted};
use super::ignored;
use super::left_out::is_git;
use super::lock::LOCK;
use super::site::SITE;
use crate::bundle::form::manifest::FileRecord;
use crate::bundle::form::path;
use crate::error::{Context, Error, Kind, Result};
use crate::progress::Progress;
use crate::units::{Digest, Hasher};

/// Where a file of the bundle comes from.
#[derive(Debug)]
pub(crate) enum FileBody {
    /// The builder wrote it.
    Bytes(Vec<u8>),
    /// It lies on this machine.
    File(PathBuf),
}

/// The bundle's files by path, each with its mode.
#[derive(Debug, Default)]
pub(crate) struct Files(BTreeMap<String, (u16, FileBody)>);

impl Files {
    /// Takes over the parts of a site that the format has a place for.
    pub(in crate::bundle) fn add_site(
        &mut self,
        site: &Path,
        out: &Path,
        progress: &dyn Progress,
    ) -> Result<()> {
        let out = fs::canonicalize(out).at("cannot find", out)?;
        for entry in sorted(site)? {
            // who builds in the site's own folder has the output there
            if out.starts_with(fs::canonicalize(&entry).at("cannot find", &entry)?) {
                continue;
            }
            let name = name_of(&entry)?;
            match name.as_str() {
                "manifests" | "data" => {
                    let ignored = ignored::hidden(&entry, progress)?;
                    let leave_out = |path: &str| is_git(path) || ignored.contains(path);
                    self.add_folder(&entry, &name, &leave_out)?;
                }
                "hiera.yaml" => self.add(name, 0o644, FileBody::File(entry))?,
                "environment.conf" | SITE | LOCK | "Puppetfile" => {}
                _ if name.starts_with('.') || name.starts_with("README") => {}
                _ => {
                    return Err(Error::new(Kind::Input, "this has no place in a bundle")
                        .at(&entry)
                        .remedy("a site has manifests/, data/, hiera.yaml, environment.conf, Puppetfile and SITE.toml"));
                }
            }
        }
        if !self.0.keys().any(|path| path.starts_with("manifests/") && path.ends_with(".pp")) {
            return Err(Error::new(
                Kind::Input,
                "the site has no manifests, it would apply nothing",
            )
            .at(site.join("manifests"))
            .remedy("write manifests/site.pp"));
        }
        Ok(())
    }

    /// Takes over a folder, but for the paths in it that `leave_out` knows.
    pub(in crate::bundle) fn add_folder(
        &mut self,
        folder: &Path,
        as_: &str,
        leave_out: &dyn Fn(&str) -> bool,
    ) -> Result<()> {
        self.add_below(folder, as_, "", leave_out)
    }

    fn add_below(
        &mut self,
        folder: &Path,
        as_: &str,
        below: &str,
        leave_out: &dyn Fn(&str) -> bool,
    ) -> Result<()> {
        for entry in sorted(folder)? {
            let path = format!("{below}{}", name_of(&entry)?);
            if leave_out(&path) {
                continue;
            }
            let meta = fs::symlink_metadata(&entry).at("cannot look at", &entry)?;
            if meta.is_dir() {
                self.add_below(&entry, as_, &format!("{path}/"), leave_out)?;
            } else if meta.is_file() {
                let mode = if meta.permissions().mode() & 0o100 != 0 { 0o755 } else { 0o644 };
                self.add(format!("{as_}/{path}"), mode, FileBody::File(entry))?;
            } else {
                return Err(Error::new(Kind::Input, "a bundle holds files and folders alone")
                    .at(&entry)
                    .remedy("put the file itself in the place of the link"));
            }
        }
        Ok(())
    }

    /// Adds one file.
    pub(crate) fn add(&mut self, path: String, mode: u16, source: FileBody) -> Result<()> {
        path::check(&path)?;
        if self.0.contains_key(&path) {
            return Err(Error::new(Kind::Input, format!("{path} is written by the builder"))
                .remedy("leave the file out of the site"));
        }
        self.0.insert(path, (mode, source));
        Ok(())
    }

    /// Every path, in order.
    pub(in crate::bundle) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Where a file lies on this machine: for messages, and for programs that read it.
    pub(in crate::bundle) fn place(&self, path: &str) -> PathBuf {
        match self.0.get(path) {
            Some((_, FileBody::File(file))) => file.clone(),
            _ => PathBuf::from(path),
        }
    }

    /// Where a file comes from.
    pub(in crate::bundle) fn source(&self, path: &str) -> Result<&FileBody> {
        let found = self.0.get(path).map(|(_, source)| source);
        found.ok_or_else(|| path::refused(path, "it is not there"))
    }

    /// A file's bytes, all of them.
    pub(in crate::bundle) fn read(&self, path: &str) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(path)?.read_to_end(&mut bytes).at("cannot read", self.place(path))?;
        Ok(bytes)
    }

    /// Opens a file's bytes.
    pub(in crate::bundle) fn open(&self, path: &str) -> Result<Box<dyn Read + '_>> {
        match self.0.get(path) {
            Some((_, FileBody::Bytes(bytes))) => Ok(Box::new(Cursor::new(bytes))),
            Some((_, FileBody::File(file))) => {
                Ok(Box::new(File::open(file).at("cannot open", file)?))
            }
            None => Err(path::refused(path, "it is not there")),
        }
    }

    fn record(&self, path: &str, mode: u16) -> Result<FileRecord> {
        let (sha256, size) = Digest::of_reader(self.open(path)?).at("cannot read", path)?;
        Ok(FileRecord { path: path.to_owned(), sha256, size, mode })
    }

    /// What the manifest says of them.
    pub(in crate::bundle) fn records(&self) -> Result<Vec<FileRecord>> {
        self.0.iter().map(|(path, (mode, _))| self.record(path, *mode)).collect()
    }

    /// One digest for all that lies below a folder.
    pub(in crate::bundle) fn digest_below(&self, folder: &str) -> Result<Digest> {
        let prefix = format!("{folder}/");
        let mut hasher = Hasher::default();
        for (path, (mode, _)) in self.0.iter().filter(|(path, _)| path.starts_with(&prefix)) {
            let FileRecord { sha256, mode, .. } = self.record(path, *mode)?;
            hasher.update(format!("{mode:04o} {sha256} {}\n", &path[prefix.len()..]));
        }
        Ok(hasher.finish())
    }
}
