//! Which parts of an image are no longer as they were made, as far as the image itself shows.

use std::sync::Arc;

use super::image::{Container, Image};
use super::ova::PackageText;
use super::table::Table;
use crate::error::{Error, Kind, Result};

/// What contradicts a package's manifest, and what the file lacks, each as a sentence for people.
///
/// # Errors
/// When the package's texts cannot be read.
pub fn of_file(image: &Image) -> Result<Vec<String>> {
    let mut damage = changed(image)?
        .iter()
        .map(|name| {
            format!("{name} is not what the package's manifest says: it was changed or damaged")
        })
        .collect::<Vec<_>>();
    damage.extend(image.check_whole().err().map(|error| error.to_string()));
    Ok(damage)
}

/// The same for a partition table.
pub fn of_table(table: &Table) -> Option<String> {
    let message = "one copy of the partition table is broken, or not where the disk ends";
    (!table.both_copies).then(|| message.to_owned())
}

/// Refuses a package that was changed after it was made: a result made from it would look sound.
pub fn refuse_changed(image: &Arc<Image>) -> Result<()> {
    match changed(image)?.first() {
        Some(name) => {
            let message = format!("the package was changed: {name} is not what its manifest says");
            Err(Error::new(Kind::Damaged, message)
                .at(image.path())
                .remedy("get it again; to use it as it is, unpack it with tar and give the disk"))
        }
        None => Ok(()),
    }
}

fn changed(image: &Image) -> Result<Vec<String>> {
    let Container::Ova(ova, _) = image.container() else { return Ok(Vec::new()) };
    let text = PackageText::read(ova)?;
    Ok(text.changed().into_iter().map(str::to_owned).collect())
}
