//! Large objects in parts, so that neither memory nor a single request must hold them.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use object_store::multipart::PartId;
use object_store::{MultipartId, PutPayload};

use super::super::{Key, Put, Store, read};
use super::Cloud;
use super::line::Line;
use crate::error::{Context, Kind, Result};
use crate::progress::Quiet;
use crate::units::MIB;

/// Larger files are sent in parts.
pub(super) const LARGEST_WHOLE: u64 = 64 * MIB;
/// The size of a part. S3 wants at least 5 MiB and at most 10,000 parts: this is enough for 160 GB.
const PART: u64 = 16 * MIB;

impl Cloud {
    /// Puts a file whose key holds its digest. The remains of a failed attempt are invisible.
    pub(super) fn put_in_parts(&self, key: &Key, source: &Path, size: u64) -> Result<Put> {
        match self.head(key) {
            Ok(_) => return Ok(Put::Taken),
            Err(e) if e.kind() == Kind::NotFound => {}
            Err(e) => return Err(e),
        }
        let (path, line) = (self.path(key), self.line()?);
        let id = self.run(&line, key, line.service().create_multipart(&path))?;
        match self.put_parts(&line, key, &id, source, size) {
            Ok(parts) => {
                self.run(&line, key, line.service().complete_multipart(&path, &id, parts))?;
                Ok(Put::Done)
            }
            Err(e) => {
                // what is left costs the store's owner money; if the abort fails too, nothing
                // changes
                let _ = line.run(line.service().abort_multipart(&path, &id));
                Err(e)
            }
        }
    }

    fn put_parts(
        &self,
        line: &Line,
        key: &Key,
        id: &MultipartId,
        file: &Path,
        size: u64,
    ) -> Result<Vec<PartId>> {
        let path = self.path(key);
        let mut from = File::open(file).at("cannot open", file)?;
        let mut parts = Vec::new();
        for index in 0..size.div_ceil(PART) {
            let mut bytes = Vec::new();
            Read::by_ref(&mut from).take(PART).read_to_end(&mut bytes).at("cannot read", file)?;
            let payload = PutPayload::from(bytes);
            // a part that arrives twice counts once: it can be sent again whatever became of it
            let what = read::named(self, key);
            parts.push(self.settings.patience.persist(what, &Quiet, |_| {
                let put = line.service().put_part(&path, id, index as usize, payload.clone());
                self.run(line, key, put)
            })?);
        }
        Ok(parts)
    }
}
