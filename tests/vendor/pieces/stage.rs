//! Images whose bytes a test knows, and stores for them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use slipway::blob::{self, Key, Publish, Settings};
use slipway::build::Artifact;
use slipway::error::{Error, Kind, Result};
use slipway::profile::Format;
use slipway::progress::Progress;
use slipway::release::{pieces, store};
use slipway::units::{ByteSize, Digest, MIB};

/// Bytes that do not get shorter, and are the same for the same name.
pub fn noise(name: &str, length: u64) -> Vec<u8> {
    let mut bytes = vec![0; length as usize];
    blake3::Hasher::new().update(name.as_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// A release with one image, in a folder of its own.
pub struct Image {
    pub folder: tempfile::TempDir,
    pub release: String,
    pub artifact: Artifact,
    pub bytes: Vec<u8>,
}

impl Image {
    /// Something of the customer's own in front, which shifts all that follows; six shared pieces with zeros among them;
    /// and some tiny tables.
    pub fn new(customer: &str, build: u32, format: Format) -> Self {
        let own = |what: &str, length| noise(&format!("{what} of {customer} {build}"), length);
        let mut parts = vec![own("front", 100_000 + u64::from(build) * 1111)];
        for n in 0..6 {
            parts.push(noise(&format!("shared {n}"), MIB));
            parts.push(own(&format!("table {n}"), 600));
        }
        parts.insert(5, vec![0; 3 << 20]);
        Self::of(customer, build, format, &parts)
    }

    /// These parts, cut between them.
    pub fn of(customer: &str, build: u32, format: Format, parts: &[Vec<u8>]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let release = format!("{customer}-1.0.0+b{build}-0a1b2c3d");
        let file = format!("{release}.{}", slipway::format::extension(format));
        let bytes = parts.concat();
        std::fs::write(folder.path().join(&file), &bytes).unwrap();
        let ends = parts.iter().scan(0, |end, part| {
            *end += part.len() as u64;
            Some(*end)
        });
        let artifact = Artifact {
            format,
            file,
            size: ByteSize(bytes.len() as u64),
            sha256: Some(Digest::of(&bytes)),
            cuts: ends.collect(),
        };
        Self { folder, release, artifact, bytes }
    }

    /// Where it lies.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join(&self.artifact.file)
    }

    /// Puts it into a store, as a program that has seen nothing there.
    pub fn upload(&self, to: &dyn Publish, progress: &dyn Progress) -> Result<store::Uploaded> {
        let (folder, known) = (self.folder.path(), store::Known::default());
        store::upload(to, folder, std::slice::from_ref(&self.artifact), &known, progress)
    }

    /// Where a store has its list.
    pub fn list_key(&self) -> Key {
        pieces::list_key(self.artifact.sha256.unwrap()).unwrap()
    }

    /// Its list of pieces.
    pub fn list(&self) -> pieces::List {
        let (path, artifact) = (self.path(), &self.artifact);
        let (file, form) = (std::fs::File::open(&path).unwrap(), pieces::Form::of(artifact.format));
        let size = artifact.size.bytes();
        pieces::list(&file, &path, size, &artifact.cuts, form, &slipway::progress::Quiet).unwrap()
    }
}

/// A store in a folder.
pub fn folder_store(folder: &Path) -> Box<dyn Publish> {
    let url = format!("file://{}", folder.display());
    blob::open_for_publishing(&url, &Settings::default()).unwrap()
}

/// The pieces in a store.
pub fn objects(store: &dyn Publish) -> Vec<Key> {
    let all = store.list(&Key::new("pieces").unwrap()).unwrap();
    all.into_iter().filter(|key| !key.as_str().starts_with("pieces/lists/")).collect()
}

/// The lists in a store.
pub fn lists(store: &dyn Publish) -> Vec<Key> {
    store.list(&Key::new("pieces/lists").unwrap()).unwrap()
}

/// Ends the work when it is asked for the n-th time.
pub struct Until(AtomicUsize);

impl Until {
    pub fn asked(times: usize) -> Self {
        Self(AtomicUsize::new(times))
    }
}

impl Progress for Until {
    fn step(&self, _: &str, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn note(&self, _: &str) {}

    fn go_on(&self) -> Result<()> {
        let less = |n: usize| n.checked_sub(1);
        match self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less) {
            Ok(_) => Ok(()),
            Err(_) => Err(Error::new(Kind::Interrupted, "enough")),
        }
    }
}
