//! A whole release, as a customer gets it: the images, and beside them all that explains and proves them.

use std::path::Path;

use super::{Fetched, Near, Source, fetch};
use crate::blob;
use crate::build::SUMS;
use crate::error::{Context, Error, Kind, Result};
use crate::key::{Namespace, Signature};
use crate::profile::Format;
use crate::progress::Progress;
use crate::release::examine::SIGNATURE;
use crate::release::pointer::{Lane, Place};
use crate::release::rebuilt::{REBUILT, Statement};
use crate::release::record::{LARGEST, RECORD};
use crate::release::shelf::{Current, Shelf};
use crate::release::sums;
use crate::units::Digest;
use crate::whole;

/// Everybody may read what explains an image; the image itself is its owner's.
const MODE: u32 = 0o644;

/// A release in a store, proven as far as its record.
#[derive(Clone, Copy)]
pub struct Published<'a> {
    /// The store.
    pub shelf: &'a Shelf<'a>,
    /// The customer's channel.
    pub lane: &'a Lane<'a>,
    /// What it has.
    pub current: &'a Current,
}

impl Published<'_> {
    /// Fetches the release into a folder: its images, or of those only the ones in these formats. Everything is proven by
    /// the record; the record is written last, so a folder that has it has the rest.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when it has no image in one of the formats; those of [`fetch`].
    pub fn fetch(
        &self,
        formats: &[Format],
        to: &Path,
        near: Near<'_>,
        progress: &dyn Progress,
    ) -> Result<Vec<Fetched>> {
        let Current { pointer, release } = self.current;
        let held = |format: &Format| release.artifacts.iter().any(|a| a.format == *format);
        if let Some(format) = formats.iter().find(|format| !held(format)) {
            let names: Vec<_> = release.artifacts.iter().map(|a| a.format.name()).collect();
            return Err(Error::new(
                Kind::NotFound,
                format!("{} has no image in {format}", release.id),
            )
            .remedy(format!("it has {}", names.join(", "))));
        }
        std::fs::create_dir_all(to).at("cannot make the folder", to)?;
        for part in &release.files {
            progress.go_on()?;
            let bytes = self.shelf.part(self.lane, pointer, part, progress)?;
            whole::replace(&to.join(&part.name), MODE, &bytes)?;
        }
        let wanted =
            release.artifacts.iter().filter(|a| formats.is_empty() || formats.contains(&a.format));
        let source = |artifact| Source { store: self.shelf.store, artifact };
        let fetched = wanted.map(|artifact| fetch(&source(artifact), to, near, progress));
        let fetched = fetched.collect::<Result<Vec<_>>>()?;
        self.signed(SUMS, Digest::of(sums::text(release, pointer.sha256)), to, progress)?;
        match self.shelf.rebuilt(self.lane, pointer, release, progress)? {
            Statement::Nothing => {}
            Statement::Proven { envelope, .. } => {
                whole::replace(&to.join(REBUILT), MODE, &envelope)?
            }
            Statement::NotBelieved(why) => {
                return Err(Error::new(Kind::Refused, why)
                    .remedy("remove it from the store: what it says of a rebuild is not proven"));
            }
        }
        self.signed(RECORD, pointer.sha256, to, progress)?;
        Ok(fetched)
    }

    /// A file with a signature of its own: whoever gets the folder has no pointer.
    fn signed(&self, name: &str, sha256: Digest, to: &Path, progress: &dyn Progress) -> Result<()> {
        let Current { pointer, release } = self.current;
        let Shelf { store, believing, .. } = self.shelf;
        let (site, customer) = (release.site.as_str(), self.lane.customer);
        let place = Place { site, customer, id: &release.id, record: pointer.sha256 };
        let signature = format!("{name}{SIGNATURE}");
        let key = place.key(&signature)?;
        let text = blob::read(*store, &key, LARGEST, progress)?;
        let proven = Signature::parse(&String::from_utf8_lossy(&text)).and_then(|signature| {
            believing.trust.verify(site, Namespace::Release, &sha256, &signature, believing.now)
        });
        proven.map_err(|why| {
            Error::new(Kind::Refused, format!("{key} in {}: {why}", store.shown()))
                .remedy(why.remedy())
        })?;
        let bytes = self.shelf.file(self.lane, pointer, name, sha256, progress)?;
        whole::replace(&to.join(&signature), MODE, &text)?;
        whole::replace(&to.join(name), MODE, &bytes)
    }
}
