//! What a store has, for people. Which release is the newest never follows from this.

use super::pointer::Pointer;
use super::record::{LARGEST, Record};
use crate::blob::{self, Key, Store};
use crate::error::{Error, Kind, Result};
use crate::key::Trust;
use crate::progress::Progress;
use crate::signed::{Allow, Claim, Payload, Refusal};
use crate::units::Timestamp;

/// A channel as it is listed.
#[derive(Clone, Debug)]
pub struct Listed {
    /// What its pointer says; proven only where there is no doubt.
    pub pointer: Pointer,
    /// Why a reader would refuse it.
    pub doubt: Option<Refusal>,
}

/// All records of a store by site and version, and all channels.
pub fn list(
    store: &dyn Store,
    trust: &Trust,
    now: Timestamp,
    progress: &dyn Progress,
) -> Result<(Vec<Record>, Vec<Listed>)> {
    let read = |key: &Key| blob::read(store, key, LARGEST, progress);
    let json = |folder: &str| -> Result<Vec<Key>> {
        let keys = store.list(&Key::new(folder)?)?;
        Ok(keys.into_iter().filter(|k| k.as_str().ends_with(".json")).collect())
    };
    let mut records = Vec::new();
    for key in json("bundles")? {
        let what = format!("{} of {}", key.name(), store.shown());
        records.push(Record::parse(&read(&key)?, &what)?);
    }
    records.sort_by(|a, b| (&a.site, a.version).cmp(&(&b.site, b.version)));
    let mut channels = Vec::new();
    for key in json(Pointer::FOLDER)? {
        let listed = look(&read(&key)?, trust, now).map_err(|why| {
            let message = format!("cannot list {key} of {}", store.shown());
            Error::new(Kind::Damaged, message).because(why)
        })?;
        channels.push(listed);
    }
    Ok((records, channels))
}

fn look(bytes: &[u8], trust: &Trust, now: Timestamp) -> Result<Listed, Refusal> {
    let claim = Claim::<Pointer>::parse(bytes)?;
    let pointer = claim.peek()?;
    let proven = claim.verify(trust, pointer.channel(), now);
    let doubt = proven.and_then(|p| p.accept(None, Allow::default(), now)).err();
    Ok(Listed { pointer, doubt })
}
