//! Holds the packages that a profile asks for against its base's archives.

use std::path::Path;

use crate::base::{self, Absent, Definition, DefinitionKind};
use crate::error::Result;
use crate::profile::{self, Diagnostics, Objection, Profile};

/// What the archives lacked when they were last asked, at its place in the profile; nothing where they never were.
///
/// The names may be older than a package: whoever builds asks again.
pub fn look_up(
    path: &Path,
    profile: &Profile,
    definition: &Definition,
    cache: &Path,
) -> Result<Result<(), Diagnostics>> {
    // a root that somebody else made may have packages that no archive has
    if definition.kind == DefinitionKind::Tarball {
        return Ok(Ok(()));
    }
    let names = base::names_at_hand(cache, definition)?;
    let absent = names.and_then(|names| Absent::of(&definition.name, &names, &profile.packages));
    let again = "; slipway build asks them again";
    let found = absent.and_then(|absent| object(path, profile, &absent, again));
    Ok(found.map_or(Ok(()), Err))
}

/// Says of packages that no archive has where the profile asks for them; none where it does not. `more` ends what
/// helps.
pub(super) fn object(
    path: &Path,
    profile: &Profile,
    absent: &Absent,
    more: &str,
) -> Option<Diagnostics> {
    let ours = absent.packages.iter().filter(|(name, _)| profile.packages.contains(name));
    let objections: Vec<Objection<'_>> = ours.map(|one| objection(absent, one, more)).collect();
    (!objections.is_empty()).then(|| profile::object(path, &objections))
}

fn objection<'a>(
    absent: &Absent,
    (name, near): &'a (String, Option<String>),
    more: &str,
) -> Objection<'a> {
    let Absent { base, time, .. } = absent;
    let label = match near {
        Some(near) => format!("did you mean {near:?}?"),
        None => "no such package".to_owned(),
    };
    Objection {
        keys: &["packages"],
        at_key: false,
        item: Some(name),
        message: format!("the archives of {base} have no package {name:?}"),
        label,
        help: format!("that is what they have of {time}{more}"),
    }
}
