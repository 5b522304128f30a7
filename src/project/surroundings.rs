//! What a process was started with: the folder it stands in, and what variables name.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::blob::Settings;
use crate::bundle::LARGEST_BUNDLE;
use crate::error::{Context as _, Error, Kind, Result};
use crate::format;
use crate::key::Keyring;
use crate::units::ByteSize;

/// Names the project's folder when `--project` is not given.
pub(super) const PROJECT_VARIABLE: &str = "SLIPWAY_PROJECT";
/// Names the cache folder.
const CACHE_VARIABLE: &str = "SLIPWAY_CACHE";
/// Names the file of trusted keys.
const TRUST_VARIABLE: &str = "SLIPWAY_TRUST";
/// Names the folder of private keys.
const KEYS_VARIABLE: &str = "SLIPWAY_KEYS";
/// Names the private key's file, as CI gives secrets.
const KEY_FILE_VARIABLE: &str = "SLIPWAY_KEY_FILE";
/// Names the file that holds the passphrase.
const PASSPHRASE_FILE_VARIABLE: &str = "SLIPWAY_KEY_PASSPHRASE_FILE";
/// Keeps the cache of encoded regions below a size, as in "20 GiB".
const ENCODED_LIMIT_VARIABLE: &str = "SLIPWAY_ENCODED_LIMIT";
/// The largest bundle that is fetched by its version, as in "8 GiB".
const BUNDLE_LIMIT_VARIABLE: &str = "SLIPWAY_BUNDLE_LIMIT";

/// Names the place that builds, as `builder.id` of a provenance does.
const BUILDER_VARIABLE: &str = "SLIPWAY_BUILDER";
/// Names the run that builds, as its CI server does.
const RUN_VARIABLE: &str = "SLIPWAY_RUN";
/// Which task of a Kubernetes Indexed Job or a Slurm array this is, counted from 0.
const ARRAY_VARIABLES: [&str; 2] = ["JOB_COMPLETION_INDEX", "SLURM_ARRAY_TASK_ID"];

/// Where the caller stands, and what they name. The command line reads it from its process, once; a service or a test
/// fills in what it has. Whatever is not named is looked for where people expect it, or is an error where it is needed.
///
/// The time is not here: what runs for hours asks for it again.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The folder that relative paths start in; none where the system cannot tell, as when it was removed.
    pub here: Option<PathBuf>,
    /// The project's folder.
    pub project: Option<PathBuf>,
    /// The user's name; the leak check looks for it in images, and for these two.
    pub user: Option<String>,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// This machine's name.
    pub host: Option<String>,
    /// The folder of profiles, where it is not the project's own.
    pub profiles: Option<PathBuf>,
    /// The folder of all caches.
    pub cache: Option<PathBuf>,
    /// The file of trusted keys, where it is not the project's own.
    pub trust: Option<PathBuf>,
    /// The folder of private keys.
    pub keys: Option<PathBuf>,
    /// The file of the private key that signs.
    pub key_file: Option<PathBuf>,
    /// The file of that key's passphrase.
    pub passphrase_file: Option<PathBuf>,
    /// What the cache of encoded regions is kept below, as in "20 GiB".
    pub encoded_limit: Option<String>,
    /// The largest bundle that is fetched by its version, as in "8 GiB".
    pub bundle_limit: Option<String>,
    /// The URI of the place that builds: a release says it to everybody. Who the user is and what the machine is called
    /// is never said.
    pub builder: Option<String>,
    /// The URI of the run, as in CI; a release says it, too.
    pub run: Option<String>,
    /// Which task of an array this is, from 0: only who asks for it uses it.
    pub array_index: Option<String>,
    /// Credentials of stores, and patience with them.
    pub stores: Settings,
    /// How many threads may work on one image; one where nobody says.
    pub threads: Option<NonZeroUsize>,
}

impl Surroundings {
    /// What variables of an environment say. Empty ones count as not set; the caches' and the keys' folders are then
    /// those of the XDG Base Directory Specification, which wants relative paths ignored.
    pub fn new(
        here: Option<PathBuf>,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        let variables: BTreeMap<_, _> =
            variables.into_iter().filter(|(_, v)| !v.is_empty()).collect();
        let path = |name: &str| variables.get(name.as_ref() as &std::ffi::OsStr).map(PathBuf::from);
        let text = |name: &str| path(name).map(|value| value.to_string_lossy().into_owned());
        let below = |xdg: &str, home: &str, name: &str| {
            let folder = path(xdg).filter(|folder| folder.is_absolute());
            let folder = folder.or_else(|| path("HOME").map(|folder| folder.join(home)));
            folder.map(|folder| folder.join(name))
        };
        Self {
            project: path(PROJECT_VARIABLE),
            user: text("USER").or_else(|| text("LOGNAME")),
            home: path("HOME"),
            host: None,
            profiles: None,
            cache: path(CACHE_VARIABLE).or_else(|| below("XDG_CACHE_HOME", ".cache", "slipway")),
            trust: path(TRUST_VARIABLE),
            keys: path(KEYS_VARIABLE)
                .or_else(|| below("XDG_CONFIG_HOME", ".config", "slipway/keys")),
            key_file: path(KEY_FILE_VARIABLE),
            passphrase_file: path(PASSPHRASE_FILE_VARIABLE),
            encoded_limit: text(ENCODED_LIMIT_VARIABLE),
            bundle_limit: text(BUNDLE_LIMIT_VARIABLE),
            builder: text(BUILDER_VARIABLE),
            run: text(RUN_VARIABLE),
            array_index: ARRAY_VARIABLES.iter().find_map(|name| text(name)),
            here,
            stores: Settings::with(variables),
            threads: None,
        }
    }

    /// A path that leads to the same from everywhere; nothing needs to be there.
    pub fn absolute(&self, path: &Path) -> Result<PathBuf> {
        match &self.here {
            _ if path.is_absolute() => std::path::absolute(path).at("cannot make absolute", path),
            Some(here) => std::path::absolute(here.join(path)).at("cannot make absolute", path),
            None => Err(Error::new(Kind::NotFound, "cannot tell the current folder").at(path)),
        }
    }

    /// A path as the user would write it.
    pub fn shown(&self, path: &Path) -> PathBuf {
        let below = self.here.as_deref().and_then(|here| path.strip_prefix(here).ok());
        below.unwrap_or(path).to_owned()
    }

    /// The folder of all caches.
    ///
    /// # Errors
    /// [`Kind::Input`] when neither it nor a home folder is named.
    pub fn cache(&self) -> Result<PathBuf> {
        named(self.cache.as_deref(), "the cache", CACHE_VARIABLE).and_then(|f| self.absolute(f))
    }

    /// The user's private keys.
    ///
    /// # Errors
    /// [`Kind::Input`] when neither their folder nor a home folder is named.
    pub fn keyring(&self) -> Result<Keyring> {
        let folder = named(self.keys.as_deref(), "keys", KEYS_VARIABLE)?;
        self.absolute(folder).map(Keyring::new)
    }

    /// The cache of encoded regions.
    pub fn encoded(&self) -> Result<format::Cache> {
        let limit = size(ENCODED_LIMIT_VARIABLE, self.encoded_limit.as_deref())?;
        let limit = limit.unwrap_or(format::encode::DEFAULT_LIMIT);
        Ok(format::Cache::new(self.cache()?.join(format::CACHE), limit))
    }

    /// How many threads work on one image.
    pub fn threads(&self) -> NonZeroUsize {
        self.threads.unwrap_or(NonZeroUsize::MIN)
    }

    /// The largest bundle that is fetched where nothing signed says how large it is, in bytes.
    pub fn largest_bundle(&self) -> Result<u64> {
        let limit = size(BUNDLE_LIMIT_VARIABLE, self.bundle_limit.as_deref())?;
        Ok(limit.unwrap_or(LARGEST_BUNDLE))
    }
}

fn named<'a>(folder: Option<&'a Path>, what: &str, variable: &str) -> Result<&'a Path> {
    folder.ok_or_else(|| {
        Error::new(Kind::Input, format!("there is no home folder for {what}"))
            .remedy(format!("name one with {variable}"))
    })
}

/// A size in bytes, where there is one.
fn size(variable: &str, text: Option<&str>) -> Result<Option<u64>> {
    let size = text.map(str::parse::<ByteSize>).transpose();
    let size =
        size.map_err(|e| Error::new(Kind::Input, format!("{variable} is wrong")).because(e))?;
    Ok(size.map(ByteSize::bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Surroundings {
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        Surroundings::new(Some("/here".into()), variables)
    }

    #[test]
    fn what_is_not_named_is_where_people_expect_it() {
        let cache = |variables: &[(&str, &str)]| with(variables).cache().unwrap();
        assert_eq!(cache(&[("SLIPWAY_CACHE", "c"), ("HOME", "/home/me")]), Path::new("/here/c"));
        let home = ("HOME", "/home/me");
        assert_eq!(cache(&[("SLIPWAY_CACHE", ""), home]), Path::new("/home/me/.cache/slipway"));
        assert_eq!(cache(&[("XDG_CACHE_HOME", "/x"), home]), Path::new("/x/slipway"));
        // the specification wants a relative one ignored
        let relative = [("XDG_CACHE_HOME", "x"), ("XDG_CONFIG_HOME", "x"), home];
        assert_eq!(cache(&relative), Path::new("/home/me/.cache/slipway"));
        let keys = with(&relative).keyring().unwrap();
        assert_eq!(keys.folder(), Path::new("/home/me/.config/slipway/keys"));
        assert_eq!(with(&[]).cache().unwrap_err().kind(), Kind::Input);
    }

    #[test]
    fn a_size_that_is_none_is_an_error_where_it_is_used_and_not_before() {
        let wrong = with(&[("SLIPWAY_ENCODED_LIMIT", "much"), ("HOME", "/home/me")]);
        assert_eq!(wrong.largest_bundle().unwrap(), LARGEST_BUNDLE);
        let error = wrong.encoded().unwrap_err();
        assert_eq!(error.to_string(), "SLIPWAY_ENCODED_LIMIT is wrong");
        assert_eq!(with(&[("SLIPWAY_BUNDLE_LIMIT", "1 MiB")]).largest_bundle().unwrap(), 1 << 20);
    }
}
