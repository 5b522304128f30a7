//! How a manifest is read: whole, of a format that is known, and agreeing with itself.

use serde::Deserialize;

use super::manifest::{FORMAT, Manifest};
use super::release::{release_id, three};
use super::{needs, path};
use crate::error::{Error, Kind, Result};

impl Manifest {
    /// Reads and checks a manifest: format, names that agree, files in order with safe names.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let unreadable = |e: serde_json::Error| {
            Error::new(Kind::Damaged, "MANIFEST.json cannot be read").because(e)
        };
        // the format first: a newer one may differ in everything else
        let head: Head = serde_json::from_slice(bytes).map_err(unreadable)?;
        if head.format != FORMAT {
            let format = head.format;
            let message = format!("the bundle has format {format}, this slipway reads {FORMAT}");
            return Err(Error::new(Kind::Refused, message).remedy("use a newer slipway"));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(unreadable)?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<()> {
        let id = release_id(&self.site, self.version);
        if self.release != id {
            let message = format!("MANIFEST.json names release {:?}, expected {id}", self.release);
            return Err(Error::new(Kind::Damaged, message));
        }
        self.created.for_image().map_err(|e| {
            Error::new(Kind::Damaged, "MANIFEST.json has a time that cannot be right").because(e)
        })?;
        check_builder(&self.min_builder, env!("CARGO_PKG_VERSION"))?;
        path::check_list(&self.files)?;
        needs::check_words(self)
    }
}

/// Refuses a bundle that was made for a newer builder.
fn check_builder(needed: &str, ours: &str) -> Result<()> {
    let number = three(needed).ok_or_else(|| {
        Error::new(Kind::Damaged, format!("min_builder {needed:?} is not a version"))
    })?;
    if three(ours).is_some_and(|ours| ours >= number) {
        return Ok(());
    }
    Err(Error::new(Kind::Refused, format!("the bundle needs slipway {needed}, this is {ours}"))
        .remedy("use a newer slipway"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_for_a_newer_builder_is_refused_with_the_remedy() {
        assert!(check_builder("0.1.0", "0.1.0").is_ok());
        assert!(check_builder("0.9.9", "0.10.0").is_ok());
        let error = check_builder("0.2.0", "0.1.9").unwrap_err();
        assert_eq!(error.find_remedy(), Some("use a newer slipway"));
    }

    #[test]
    fn a_time_that_no_image_can_have_is_refused() {
        let text = |time: &str| {
            format!(
                r#"{{"format": 1, "site": "x", "version": "1.0.0+b1", "release": "x-1.0.0+b1",
                "created": "{time}", "min_builder": "0.1.0", "needs": {{}}, "health": [],
                "modules": [], "apps": [], "files": []}}"#
            )
        };
        Manifest::parse(text("2446-05-10T22:38:55Z").as_bytes()).unwrap();
        let error = Manifest::parse(text("2446-05-10T22:38:56Z").as_bytes()).unwrap_err();
        assert_eq!(error.kind(), Kind::Damaged);
        assert!(error.to_string().contains("a time that cannot be right"), "{error}");
    }

    #[test]
    fn a_newer_format_is_named_before_anything_else_is_read() {
        let error = Manifest::parse(br#"{"format": 2, "unheard_of": []}"#).unwrap_err();
        assert_eq!(error.to_string(), "the bundle has format 2, this slipway reads 1");
    }
}
