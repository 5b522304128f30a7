//! Checks whether the stores that a project names can be reached, and have what the project needs
//! from them.

use super::Finding;
use crate::blob::{self, Key, Settings};
use crate::bundle::{Name, pointers};
use crate::error::Kind;

/// Asks a store for a channel's pointer, without reading it.
pub fn store(url: &str, site: &Name, channel: &Name, settings: &Settings) -> Finding {
    let opened = blob::open(url, settings);
    let shown = opened.as_ref().map_or_else(|_| "the store".to_owned(), |s| s.shown().to_owned());
    let asked = opened.and_then(|store| {
        let key = Key::new(format!("{}/{channel}.json", pointers(site)))?;
        store.head(&key)
    });
    let what = format!("channel {channel} of site {site}");
    match asked {
        Ok(_) => Finding::good(shown, format!("has {what}")),
        Err(error) if error.kind() == Kind::NotFound => Finding::missing(
            shown,
            format!("answers, and has no {what}"),
            "publish to it (slipway bundle publish), or name another channel in the profile",
        ),
        Err(error) => {
            let remedy = "check the address, the network and the proxy, and the credentials";
            Finding::failed(shown, &error, remedy)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_store_that_answers_and_one_that_does_not_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let (site, channel) = ("demo".parse().unwrap(), "stable".parse().unwrap());
        let ask = |url: &str| store(url, &site, &channel, &Settings::default());
        let url = format!("file://{}", folder.path().display());
        let found = ask(&url);
        assert!(
            found.state == State::Missing && found.detail.contains("has no channel"),
            "{found:?}"
        );
        std::fs::create_dir_all(folder.path().join("channels/demo")).unwrap();
        std::fs::write(folder.path().join("channels/demo/stable.json"), "{}").unwrap();
        assert_eq!(ask(&url).state, State::Good);
        // nobody listens on port 1
        let found = ask("http://127.0.0.1:1/x");
        assert!(found.state == State::Missing && found.remedy.is_some(), "{found:?}");
    }
}
