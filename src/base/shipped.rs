//! The definitions that come with the program: a project needs its own file only to change one.

/// A definition's name and its text.
type Shipped = (&'static str, &'static str);

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../images/", $name, ".toml")))),*]
    };
}

/// All of them, sorted by name.
const SHIPPED: &[Shipped] = shipped!["debian-12", "debian-13", "ubuntu-22.04", "ubuntu-24.04"];

/// Their names.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|(name, _)| *name)
}

/// The text of one.
pub(super) fn text(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definition_of_the_repository_is_in_the_program() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/images");
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
        let mut files: Vec<_> = files.map(|name| name.into_string().unwrap()).collect();
        files.sort();
        let shipped: Vec<_> = names().map(|name| format!("{name}.toml")).collect();
        assert_eq!(files, shipped);
    }
}
