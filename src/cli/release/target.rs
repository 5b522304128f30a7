//! What `slipway release verify` was asked about: a folder, an image alone, or what a channel of a store has.

use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::file;
use crate::progress::Progress;
use crate::project::{Project, Surroundings};
use crate::release::{self, Believing, Examined, RECORD, fetch};

use super::super::project::{self, shown};
use super::found::Named;
use super::store::{self, Options};

/// What is examined.
pub(super) enum Target {
    /// A release's folder.
    Folder(PathBuf),
    /// An image that lies elsewhere than its release.
    Image(PathBuf),
    /// A release of a store, by the customer's name.
    Published(String),
}

/// What came of it.
pub(super) struct Found {
    /// All that is wrong.
    pub examined: Examined,
    /// What was compared with what, for people.
    pub with: String,
    /// Where the release's files are, where all of them are at hand.
    pub folder: Option<PathBuf>,
    /// Keeps a folder of files that were fetched until they are not needed any more.
    pub fetched: Option<tempfile::TempDir>,
}

impl Target {
    pub fn of(
        wanted: &str,
        options: &Options,
        project: &project::Options,
        surroundings: &Surroundings,
    ) -> Result<Self> {
        let path = Path::new(wanted);
        if file::is_folder(path)? {
            return Ok(Self::Folder(path.to_owned()));
        }
        if file::is_file(path)? {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            let is_beside = file::is_file(&folder.join(RECORD))?;
            return Ok(match is_beside {
                true => Self::Folder(folder.to_owned()),
                false => Self::Image(path.to_owned()),
            });
        }
        if wanted.contains('/') {
            return Err(Error::new(Kind::NotFound, "there is no such folder or image").at(path));
        }
        let published = || Ok(Self::Published(wanted.to_owned()));
        if options.is_named() || Named::of(wanted).is_precise() {
            return published();
        }
        let project = project.open(surroundings)?;
        let customer = project.load(wanted)?.profile.customer.id;
        match store::newest(&project, &customer) {
            Err(e) if e.kind() == Kind::NotFound => published(),
            folder => folder.map(Self::Folder),
        }
    }

    pub fn examine(
        &self,
        options: &Options,
        open: &dyn Fn() -> Result<Project>,
        believing: &Believing<'_>,
        progress: &dyn Progress,
    ) -> Result<Found> {
        match self {
            Self::Folder(folder) => {
                let examined = release::examine(folder, believing, progress)?;
                let with = "each file was compared with the signed record".to_owned();
                Ok(Found { examined, with, folder: Some(folder.clone()), fetched: None })
            }
            Self::Image(path) => alone(path, options, &open()?, believing, progress),
            Self::Published(wanted) => published(wanted, options, &open()?, believing, progress),
        }
    }

    /// Its name for people.
    pub fn shown(&self) -> String {
        match self {
            Self::Folder(path) | Self::Image(path) => shown(path).display().to_string(),
            Self::Published(wanted) => wanted.clone(),
        }
    }
}

/// Fetches a release into a folder that is removed afterwards, and examines that.
fn published(
    wanted: &str,
    options: &Options,
    project: &Project,
    believing: &Believing<'_>,
    progress: &dyn Progress,
) -> Result<Found> {
    let named = Named::of(wanted);
    let profile = project.load(named.customer)?.profile;
    let (outlet, current) = named.find(options, project, &profile, progress)?;
    let (store, lane) = (outlet.open()?, outlet.lane());
    let shelf = outlet.shelf(store.as_ref());
    let work = release::work_folder(&project.out)?;
    let folder = work.path().join(&current.release.id);
    let published = fetch::Published { shelf: &shelf, lane: &lane, current: &current };
    // what the store has is to be verified, and nothing that lies here
    published.fetch(&[], &folder, fetch::Near::default(), progress)?;
    let examined = release::examine(&folder, believing, progress)?;
    let with = format!(
        "each file was fetched from {} and compared with the record that its channel {} named",
        store.shown(),
        lane.name()
    );
    Ok(Found { examined, with, folder: Some(folder), fetched: Some(work) })
}

/// Compares an image with the release that it says it is of: in out/, else in the channel of the store.
fn alone(
    path: &Path,
    options: &Options,
    project: &Project,
    believing: &Believing<'_>,
    progress: &dyn Progress,
) -> Result<Found> {
    let (customer, id) = release::claimed(path)?;
    let folder = project.out.join(&customer).join(release::FOLDER).join(&id);
    let (mut examined, release_is) = match options.is_named() {
        false if file::is_folder(&folder)? => {
            let examined = release::examine_record(&folder, believing);
            (examined, format!("in {}", shown(&folder).display()))
        }
        _ => in_store(&customer, &id, options, project, progress)?,
    };
    if let Some(release) = &examined.release {
        examined.faults.extend(release::compare(path, release, progress)?);
    }
    let with = format!("its bytes were compared with the record of {id}, {release_is}");
    Ok(Found { examined, with, folder: None, fetched: None })
}

fn in_store(
    customer: &str,
    id: &str,
    options: &Options,
    project: &Project,
    progress: &dyn Progress,
) -> Result<(Examined, String)> {
    let profile = project.load(customer)?.profile;
    let wanted = format!("{customer}@{id}");
    let named = Named::of(&wanted);
    let (outlet, current) = named.find(options, project, &profile, progress).map_err(|e| {
        let folder = project.out.join(customer).join(release::FOLDER);
        match e.kind() {
            Kind::NotFound => {
                let folder = shown(&folder).display().to_string();
                let message = format!("neither {folder} nor the channel has the release {id}");
                Error::new(Kind::NotFound, message).because(e)
            }
            _ => e,
        }
    })?;
    let (lane, seq) = (outlet.lane().name(), current.pointer.seq);
    let whence = format!("which the channel {lane} named in its change {seq}");
    let sha256 = Some(current.pointer.sha256);
    Ok((Examined { release: Some(current.release), sha256, faults: Vec::new() }, whence))
}
