//! An image, and what is expected of it.

use std::sync::Arc;

use super::net::TestNetwork;
use crate::error::{Error, Kind, Result};
use crate::inspect::{self, Image};
use crate::manifest::ImageRecord;
use crate::profile::{Hardware, Probe};

/// An image and what is expected of it.
#[derive(Debug)]
pub struct Target {
    /// The image.
    pub image: Arc<Image>,
    /// The release that must converge.
    pub release: String,
    /// The machine that its profile recommends.
    pub hardware: Hardware,
    /// The network that it expects.
    pub network: TestNetwork,
    /// What to ask of it.
    pub probes: Vec<Probe>,
}

impl Target {
    /// What an image says of itself; `release` takes the place of the recorded one.
    ///
    /// An image without a record can be booted as well, by who knows what release it must have: nothing but
    /// that and its status page is asked then.
    pub fn of(image: Arc<Image>, release: Option<&str>) -> Result<Self> {
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
            Some(release) => Ok(Self { image, release, hardware, network, probes }),
            None => {
                Err(Error::new(Kind::Input, "the image does not tell which release it must have")
                    .at(image.path())
                    .remedy("name the release with --release"))
            }
        }
    }
}
