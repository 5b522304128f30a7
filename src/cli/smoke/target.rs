//! Which image a user means, and what is expected of it.

use std::sync::Arc;

use crate::cli::images;
use crate::error::{Error, Kind, Result};
use crate::inspect::{self, Image};
use crate::manifest::ImageRecord;
use crate::profile::{Hardware, Probe};
use crate::project::Surroundings;
use crate::smoke::TestNetwork;

/// An image and what is expected of it.
#[derive(Debug)]
pub(super) struct Target {
    pub image: Arc<Image>,
    pub release: String,
    pub hardware: Hardware,
    pub network: TestNetwork,
    pub probes: Vec<Probe>,
}

/// `wanted` is an image's path or a profile's name; `release` takes the place of the recorded one.
///
/// An image without a record can be booted as well, by who knows what release it must have: nothing but
/// that and its status page is asked then.
pub(super) fn find(
    wanted: &str,
    release: Option<&str>,
    surroundings: &Surroundings,
) -> Result<Target> {
    let image = Arc::new(Image::open(&images::find(wanted, surroundings)?)?);
    inspect::damage::refuse_changed(&image)?;
    let record = match (inspect::report(&image), release) {
        (Ok(report), _) => report.record,
        (Err(error), Some(_)) if matches!(error.kind(), Kind::Damaged | Kind::Refused) => None,
        (Err(error), _) => return Err(error),
    };
    let (recorded, profile) = match record {
        Some(ImageRecord { bundle, profile, .. }) => (Some(bundle.release), Some(profile)),
        None => (None, None),
    };
    let (hardware, network, probes) = match profile {
        Some(profile) => {
            let network = TestNetwork::of(&profile.network)?;
            (profile.hardware.into(), network, inspect::probes(&image)?)
        }
        None => (Hardware::default(), TestNetwork::default(), Vec::new()),
    };
    match release.map(str::to_owned).or(recorded) {
        Some(release) => Ok(Target { image, release, hardware, network, probes }),
        None => Err(Error::new(Kind::Input, "the image does not tell which release it must have")
            .at(image.path())
            .remedy("name the release with --release")),
    }
}
