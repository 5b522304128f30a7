//! `slipway sbom`.

use std::path::PathBuf;
use std::sync::Arc;

use super::terminal::{self, Terminal};
use super::{images, project, signing};
use crate::error::Result;
use crate::inspect::{self, Image};
use crate::inventory::{self, File, Subject};
use crate::manifest::{ImageRecord, stem};
use crate::progress::Progress;
use crate::project::Surroundings;
use crate::whole;

/// Arguments of `slipway sbom`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// An image, in any format that slipway writes, or a customer, for the newest one
    #[arg(value_name = "IMAGE|CUSTOMER")]
    image: String,
    /// How the components are listed
    #[arg(long, value_enum, default_value_t = Form::Spdx)]
    format: Form,
    /// Write it to a file [default: stdout]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    project: project::Options,
}

/// Forms of a list of components.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// SPDX 2.3, JSON
    Spdx,
    /// CycloneDX 1.6, JSON
    Cyclonedx,
    /// What slipway itself keeps of an image: all that both are made from
    Inventory,
}

/// What is made is for everybody whom the umask lets.
const MODE: u32 = 0o644;

/// Runs the verb; the number is the process's exit code.
pub fn run(args: &Args, surroundings: &Surroundings) -> Result<u8> {
    let path = images::find(&args.image, &args.project.within(surroundings))?;
    let image = Arc::new(Image::open(&path)?);
    inspect::damage::refuse_changed(&image)?;
    let progress = Terminal::new();
    progress.step("reading what is in the image", None);
    let inventory = inventory::of(&image, &progress)?;
    let text = match args.format {
        Form::Inventory => inventory.text()?,
        Form::Spdx => inventory::spdx(&inventory, &subject(&image, &progress)?)?,
        Form::Cyclonedx => inventory::cyclonedx(&inventory, &subject(&image, &progress)?)?,
    };
    progress.done();
    match &args.output {
        Some(path) => whole::replace(path, MODE, text.as_bytes())?,
        None => terminal::print(text.trim_end())?,
    }
    Ok(0)
}

/// The image as a document names it. The time is that of its record, so that the same image gives the same document.
fn subject(image: &Arc<Image>, progress: &dyn Progress) -> Result<Subject> {
    let file = image.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    progress.step(&format!("reading {file}"), Some(image.length()));
    let sha256 = image.source().digest(progress)?;
    let files = vec![File { name: file.clone(), sha256 }];
    Ok(match inspect::report(image)?.record {
        Some(ImageRecord { profile, bundle, plan, time, .. }) => {
            let name = profile.customer.id;
            let version = stem(&name, &bundle, plan)[name.len() + 1..].to_owned();
            Subject { name, version, created: time, supplier: profile.branding.vendor, files }
        }
        None => {
            let created = signing::now();
            Subject { name: file, version: String::new(), created, supplier: None, files }
        }
    })
}
