//! Names and folder entries of a FAT filesystem (Microsoft's FAT specification 1.03, "FAT directory
//! structure" and "Long directory entries").

use std::collections::BTreeSet;

use crate::units::Timestamp;

/// Bytes of one folder entry.
pub const ENTRY: usize = 32;
/// The attribute of a folder.
pub const DIRECTORY: u8 = 0x10;
/// The attribute of a file, "to be archived", which every other writer sets.
pub const ARCHIVE: u8 = 0x20;
/// The attribute of the entry that names the volume.
pub const VOLUME_ID: u8 = 0x08;

/// The four attributes below the folder's, together, mark a part of a long name.
const LONG_NAME: u8 = 0x0F;
/// Added to the sequence number of the last part of a long name, which is stored first.
const LAST_PART: u8 = 0x40;
/// UTF-16 units in one part of a long name, and their places in the entry.
const PART_UNITS: usize = 13;
const PART_PLACES: [usize; PART_UNITS] = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
/// The longest long name, in UTF-16 units.
const NAME_LIMIT: usize = 255;
/// Characters that a long name must not contain, besides control characters.
const FORBIDDEN: &str = "\"*/:<>?\\|";
/// Punctuation that a short name may contain, besides capital letters and digits.
const SHORT_PUNCTUATION: &[u8] = b"$%'-_@~`!(){}^#&";

/// A short name: eight and three bytes, padded with spaces.
pub type Short = [u8; 11];

/// Whether a long name can be stored.
pub fn is_valid(name: &str) -> bool {
    let fine = |c: char| !c.is_control() && !FORBIDDEN.contains(c);
    !name.is_empty()
        && name.chars().all(fine)
        && !name.ends_with(['.', ' '])
        && !name.starts_with(' ')
        && name.encode_utf16().count() <= NAME_LIMIT
}

/// The short name that represents this name exactly, if it needs no long one.
fn exact(name: &str) -> Option<Short> {
    let (base, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let fine = |part: &str| {
        let plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
        part.bytes().all(|b| plain(b) || SHORT_PUNCTUATION.contains(&b))
    };
    let fits = (1..=8).contains(&base.len())
        && extension.len() <= 3
        && (extension.is_empty() != name.contains('.'));
    (fits && fine(base) && fine(extension)).then(|| padded(base, extension))
}

fn padded(base: &str, extension: &str) -> Short {
    let mut short = [b' '; 11];
    short[..base.len()].copy_from_slice(base.as_bytes());
    short[8..8 + extension.len()].copy_from_slice(extension.as_bytes());
    short
}

/// A short name for `name` that is not yet in `taken`, and whether a long one is needed beside it.
///
/// None when a folder has more similar names than there are tails for them.
pub fn shorten(name: &str, taken: &mut BTreeSet<Short>) -> Option<(Short, bool)> {
    if let Some(short) = exact(name)
        && taken.insert(short)
    {
        return Some((short, false));
    }
    if let Some(short) = exact(&name.to_ascii_uppercase())
        && taken.insert(short)
    {
        return Some((short, true));
    }
    let (base, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let (base, extension) = (squeezed(base, 8), squeezed(extension, 3));
    let numbered = (1..1_000_000u32).find_map(|n| {
        let tail = format!("~{n}");
        let kept = base.len().min(8 - tail.len());
        let short = padded(&format!("{}{tail}", &base[..kept]), &extension);
        taken.insert(short).then_some(short)
    })?;
    Some((numbered, true))
}

/// The first `limit` characters; those that a short name may not contain become underscores.
fn squeezed(part: &str, limit: usize) -> String {
    let kept = part.chars().filter(|c| !matches!(c, ' ' | '.')).take(limit);
    kept.map(|c| match u8::try_from(c.to_ascii_uppercase()) {
        Ok(b) if b.is_ascii_alphanumeric() || SHORT_PUNCTUATION.contains(&b) => b as char,
        _ => '_',
    })
    .collect()
}

/// How many entries a name takes in its folder.
pub fn entries(name: &str, long: bool) -> usize {
    1 + if long { name.encode_utf16().count().div_ceil(PART_UNITS) } else { 0 }
}

/// The entries that hold a long name, in their order before the short one.
pub fn long_entries(name: &str, short: &Short) -> Vec<u8> {
    let mut units: Vec<u16> = name.encode_utf16().collect();
    let parts = units.len().div_ceil(PART_UNITS);
    // a name that does not fill its last part ends with a zero unit and is padded with units of all
    // ones
    if !units.len().is_multiple_of(PART_UNITS) {
        units.push(0);
        units.resize(parts * PART_UNITS, 0xFFFF);
    }
    let mut bytes = Vec::with_capacity(parts * ENTRY);
    for (i, part) in units.chunks(PART_UNITS).enumerate().rev() {
        let mut entry = [0; ENTRY];
        entry[0] = (i + 1) as u8 | if i + 1 == parts { LAST_PART } else { 0 };
        entry[11] = LONG_NAME;
        entry[13] = checksum(short);
        for (place, unit) in PART_PLACES.iter().zip(part) {
            entry[*place..place + 2].copy_from_slice(&unit.to_le_bytes());
        }
        bytes.extend_from_slice(&entry);
    }
    bytes
}

/// The checksum that ties a long name to its short one.
fn checksum(short: &Short) -> u8 {
    short.iter().fold(0, |sum: u8, byte| sum.rotate_right(1).wrapping_add(*byte))
}

/// One short entry; `size` is 0 for a folder.
pub fn entry(name: &Short, attributes: u8, cluster: u32, size: u32, time: Moment) -> [u8; ENTRY] {
    let mut entry = [0; ENTRY];
    entry[..11].copy_from_slice(name);
    entry[11] = attributes;
    entry[14..16].copy_from_slice(&time.time.to_le_bytes());
    entry[16..18].copy_from_slice(&time.date.to_le_bytes());
    entry[18..20].copy_from_slice(&time.date.to_le_bytes());
    entry[20..22].copy_from_slice(&((cluster >> 16) as u16).to_le_bytes());
    entry[22..24].copy_from_slice(&time.time.to_le_bytes());
    entry[24..26].copy_from_slice(&time.date.to_le_bytes());
    entry[26..28].copy_from_slice(&(cluster as u16).to_le_bytes());
    entry[28..32].copy_from_slice(&size.to_le_bytes());
    entry
}

/// A moment in FAT's form: nominally local time, here UTC, with a resolution of two seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    date: u16,
    time: u16,
}

impl Moment {
    /// The nearest moment from 1980 to 2107, the range of seven bits of years.
    pub fn new(time: Timestamp) -> Self {
        const FIRST: i64 = 315_532_800;
        const LAST: i64 = 4_354_819_198;
        let seconds = time.seconds.clamp(FIRST, LAST);
        let moment = jiff::Timestamp::from_second(seconds).unwrap_or_default();
        let civil = jiff::tz::Offset::UTC.to_datetime(moment);
        let field = |n: i8, shift: u32| (n as u16) << shift;
        let years = (civil.year() - 1980) as u16;
        Self {
            date: years << 9 | field(civil.month(), 5) | field(civil.day(), 0),
            time: field(civil.hour(), 11) | field(civil.minute(), 5) | field(civil.second() / 2, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(name: &str) -> (String, bool) {
        let (short, long) = shorten(name, &mut BTreeSet::new()).unwrap();
        (String::from_utf8(short.to_vec()).unwrap(), long)
    }

    #[test]
    fn a_capital_name_of_eight_and_three_needs_no_long_one() {
        assert_eq!(short("BOOTX64.EFI"), ("BOOTX64 EFI".into(), false));
        assert_eq!(short("EFI"), ("EFI        ".into(), false));
    }

    #[test]
    fn other_names_get_a_long_one_beside_a_short_one() {
        assert_eq!(short("grubx64.efi"), ("GRUBX64 EFI".into(), true));
        assert_eq!(short("a long name.config"), ("ALONGN~1CON".into(), true));
        assert_eq!(short("a.b.c"), ("AB~1    C  ".into(), true));
        assert_eq!(short("größe"), ("GR__E~1    ".into(), true));
        assert_eq!(short(".x"), ("~1      X  ".into(), true));
    }

    #[test]
    fn alike_names_get_different_short_ones() {
        let mut taken = BTreeSet::new();
        let names: BTreeSet<Short> =
            (0..12).map(|i| shorten(&format!("same name {i}"), &mut taken).unwrap().0).collect();
        assert_eq!(names.len(), 12);
    }

    #[test]
    fn a_name_that_other_systems_refuse_is_not_valid() {
        for name in ["", "a/b", "a\nb", "end.", "end ", "..", "a:b", &"x".repeat(256)] {
            assert!(!is_valid(name), "{name:?}");
        }
        assert!(is_valid("grub.cfg"));
    }

    #[test]
    fn times_outside_the_calendar_of_fat_are_the_nearest_inside() {
        assert_eq!(Moment::new(Timestamp::from_seconds(0)), Moment { date: 1 << 5 | 1, time: 0 });
        let last = Moment::new(Timestamp::from_seconds(i64::MAX));
        assert_eq!(last.date, 127 << 9 | 12 << 5 | 31);
    }
}
