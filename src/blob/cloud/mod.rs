//! `azure://`, `s3://`, `gs://`: the clouds' own protocols, through the crate object_store.
//!
//! Its features beyond single requests are switched off: its retries count over a whole download,
//! and hide that a conditional write got no answer.

mod answers;
mod body;
mod builders;
mod failure;
mod line;
mod multipart;
mod next;
mod shared;
mod watch;

use std::future::Future;

use object_store::multipart::MultipartStore;
use object_store::path::Path as ObjectPath;
use object_store::{
    GetOptions, GetRange, ObjectMeta, ObjectStore, PutMode, PutOptions, PutPayload, UpdateVersion,
};

use super::address::Provider;
use super::{Answer, Ask, Body, Content, Head, Key, Patience, Publish, Put, Settings, Store, Tag};
use crate::error::{Context, Error, Result};
use answers::{Asked, Meaning};
use line::{Line, Lines};

/// A place in a cloud.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) provider: Provider,
    pub(super) account: String,
    pub(super) bucket: String,
    pub(super) folder: String,
}

/// What all three give us.
trait Service: ObjectStore + MultipartStore {}
impl<T: ObjectStore + MultipartStore> Service for T {}

pub(super) struct Cloud {
    place: Place,
    /// Each for one request at a time, so that the last answer seen on it belongs to that request.
    lines: Lines,
    /// The command that creates its bucket, for messages.
    making: String,
    folder: String,
    shown: String,
    spelt: String,
    settings: Settings,
}

/// Written by hand: the services' own implementations print credentials.
impl std::fmt::Debug for Cloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Cloud").field(&self.shown).finish()
    }
}

impl Cloud {
    pub(super) fn open(
        place: &Place,
        shown: String,
        spelt: &str,
        settings: &Settings,
    ) -> Result<Self> {
        super::http::provide_cryptography();
        let cloud = Self {
            place: place.clone(),
            lines: Lines::default(),
            making: making(place),
            folder: place.folder.clone(),
            shown,
            spelt: spelt.to_owned(),
            settings: settings.clone(),
        };
        // an environment that does not suffice is told now
        cloud.line()?;
        Ok(cloud)
    }

    /// A line that nobody uses at the moment.
    fn line(&self) -> Result<Line> {
        self.lines.take(|watch| builders::build(&self.place, &self.shown, &self.settings, watch))
    }

    fn path(&self, key: &Key) -> ObjectPath {
        match self.folder.is_empty() {
            true => ObjectPath::from(key.as_str()),
            false => ObjectPath::from(format!("{}/{key}", self.folder)),
        }
    }

    fn run<T>(
        &self,
        line: &Line,
        key: &Key,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T> {
        line.run(request).map_err(|e| self.failed(line, key, Asked::Plain, e))
    }

    fn failed(&self, line: &Line, key: &Key, asked: Asked, error: object_store::Error) -> Error {
        failure::explain(&error, line.watch().seen(), meaning(line, asked), self, key)
    }
}

/// What the last answer means.
fn meaning(line: &Line, asked: Asked) -> Meaning {
    let seen = line.watch().seen();
    seen.status
        .map_or(Meaning::Status, |status| answers::meaning(asked, status, seen.code.as_deref()))
}

impl Store for Cloud {
    fn shown(&self) -> &str {
        &self.shown
    }

    fn spelt(&self) -> &str {
        &self.spelt
    }

    fn patience(&self) -> &Patience {
        &self.settings.patience
    }

    fn get(&self, key: &Key, ask: &Ask<'_>) -> Result<Answer> {
        let options = GetOptions {
            range: (ask.from > 0).then_some(GetRange::Offset(ask.from)),
            if_match: ask.only.map(|tag| tag.etag.clone()),
            if_none_match: ask.unless.map(|tag| tag.etag.clone()),
            ..GetOptions::default()
        };
        let line = self.line()?;
        match line.run(line.service().get_opts(&self.path(key), options)) {
            Ok(found) => Ok(Answer::Body(Body {
                from: found.range.start,
                tag: tag(&found.meta),
                bytes: Box::new(body::Stream::new(found, line, &self.settings)),
            })),
            Err(object_store::Error::NotModified { .. }) if ask.unless.is_some() => {
                Ok(Answer::Unchanged)
            }
            Err(e) => Err(self.failed(&line, key, Asked::Plain, e)),
        }
    }

    fn head(&self, key: &Key) -> Result<Head> {
        let options = GetOptions { head: true, ..GetOptions::default() };
        let line = self.line()?;
        let found = self.run(&line, key, line.service().get_opts(&self.path(key), options))?;
        Ok(Head { size: found.meta.size, tag: tag(&found.meta) })
    }

    fn list(&self, folder: &Key) -> Result<Vec<Key>> {
        let prefix = self.path(folder);
        let line = self.line()?;
        let listed = self.run(&line, folder, body::all(line.service().list(Some(&prefix))))?;
        let below = |meta: &ObjectMeta| {
            let path: &str = meta.location.as_ref();
            let key = match self.folder.as_str() {
                "" => path,
                folder => path.strip_prefix(folder)?.strip_prefix('/')?,
            };
            Key::new(key).ok()
        };
        let mut keys: Vec<Key> = listed.iter().filter_map(below).collect();
        keys.sort();
        Ok(keys)
    }
}

impl Publish for Cloud {
    fn put_new(&self, key: &Key, content: Content<'_>) -> Result<Put> {
        let bytes = match content {
            Content::Bytes(bytes) => bytes.to_vec(),
            Content::File(path) => {
                let size = std::fs::metadata(path).at("cannot look at", path)?.len();
                if size > multipart::LARGEST_WHOLE {
                    return self.put_in_parts(key, path, size);
                }
                std::fs::read(path).at("cannot read", path)?
            }
        };
        self.put(key, bytes, PutMode::Create)
    }

    fn swap(&self, key: &Key, seen: Option<&Tag>, bytes: &[u8]) -> Result<Put> {
        let mode = match seen {
            Some(Tag { etag, version }) => PutMode::Update(UpdateVersion {
                e_tag: Some(etag.clone()),
                version: version.clone(),
            }),
            None => PutMode::Create,
        };
        self.put(key, bytes.to_vec(), mode)
    }
}

impl Cloud {
    fn put(&self, key: &Key, bytes: Vec<u8>, mode: PutMode) -> Result<Put> {
        let asked = match mode {
            PutMode::Update(_) => Asked::Swap,
            PutMode::Create | PutMode::Overwrite => Asked::Create,
        };
        let options = PutOptions { mode, ..PutOptions::default() };
        let (path, line) = (self.path(key), self.line()?);
        match line.run(line.service().put_opts(&path, PutPayload::from(bytes), options)) {
            Ok(_) => Ok(Put::Done),
            // the crate calls other conflicts "already exists", too
            Err(e) => match meaning(&line, asked) {
                Meaning::Taken => Ok(Put::Taken),
                Meaning::Unclear => Ok(Put::Unclear),
                _ => Err(self.failed(&line, key, asked, e)),
            },
        }
    }
}

/// The command of the cloud's own tool.
fn making(place: &Place) -> String {
    let Place { provider, account, bucket, .. } = place;
    let command = match provider {
        Provider::Azure => {
            format!("az storage container create --name {bucket} --account-name {account}")
        }
        Provider::S3 => format!("aws s3 mb s3://{bucket}"),
        Provider::Google => format!("gcloud storage buckets create gs://{bucket}"),
    };
    format!("check the address, or make it: {command}")
}

fn tag(meta: &ObjectMeta) -> Option<Tag> {
    let etag = meta.e_tag.clone().filter(|etag| !etag.starts_with("W/"))?;
    Some(Tag { etag, version: meta.version.clone() })
}
