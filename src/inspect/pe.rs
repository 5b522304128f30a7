//! Who signed an EFI program, as far as its certificates say (Microsoft PE/COFF specification,
//! "Attribute certificate table"). Nothing is verified here: the firmware does that.

/// Where the DOS header stores the offset of the PE header.
const PE_OFFSET_AT: usize = 0x3C;
const PE_SIGNATURE: &[u8] = b"PE\0\0";
/// Bytes from the PE signature to the optional header.
const OPTIONAL_HEADER: usize = 24;
/// The optional header's magic of 64-bit programs, and the place of the data directories in such a
/// header.
const PE32_PLUS: &[u8] = &[0x0B, 0x02];
const DIRECTORIES: usize = 112;
/// The directory of certificates: offset in the file and length, four bytes each.
const CERTIFICATES: usize = DIRECTORIES + 4 * 8;
/// X.500's common name, 2.5.4.3, as DER; a string's tag and length follow.
const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];
/// DER's tags for the kinds of strings that certificates use: UTF8String, PrintableString.
const STRING_TAGS: [u8; 2] = [0x0C, 0x13];
/// The most names that are shown.
const NAMES: usize = 16;

/// The common names in the program's certificates, each once; empty for a program without a
/// signature.
pub fn signers(program: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = certificates(program).unwrap_or_default();
    while let Some(at) = find(rest, COMMON_NAME) {
        rest = &rest[at + COMMON_NAME.len()..];
        if let Some(name) = string(rest)
            && !names.contains(&name)
            && names.len() < NAMES
        {
            names.push(name);
        }
    }
    names
}

fn certificates(program: &[u8]) -> Option<&[u8]> {
    let u32_at = |at: usize| {
        let bytes = program.get(at..)?.first_chunk()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    };
    let header = u32_at(PE_OFFSET_AT)?;
    let rest = program.get(header..)?.strip_prefix(PE_SIGNATURE)?;
    let optional = header + OPTIONAL_HEADER;
    if !rest.get(OPTIONAL_HEADER - PE_SIGNATURE.len()..)?.starts_with(PE32_PLUS) {
        return None;
    }
    let (offset, length) = (u32_at(optional + CERTIFICATES)?, u32_at(optional + CERTIFICATES + 4)?);
    program.get(offset..offset.checked_add(length)?)
}

fn string(der: &[u8]) -> Option<String> {
    let [tag, length, rest @ ..] = der else { return None };
    // longer names have a length of two bytes or more, which begins with the top bit
    if !STRING_TAGS.contains(tag) || *length >= 0x80 {
        return None;
    }
    let text = std::str::from_utf8(rest.get(..usize::from(*length))?).ok()?;
    (!text.chars().any(char::is_control)).then(|| text.to_owned())
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|w| w == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(certificates: &[u8]) -> Vec<u8> {
        let mut b = vec![0; 0x200];
        b[PE_OFFSET_AT] = 0x80;
        b[0x80..0x84].copy_from_slice(PE_SIGNATURE);
        let optional = 0x80 + OPTIONAL_HEADER;
        b[optional..optional + 2].copy_from_slice(PE32_PLUS);
        let at = optional + CERTIFICATES;
        b[at..at + 4].copy_from_slice(&0x200u32.to_le_bytes());
        b[at + 4..at + 8].copy_from_slice(&(certificates.len() as u32).to_le_bytes());
        b.extend_from_slice(certificates);
        b
    }

    #[test]
    fn the_names_in_a_programs_certificates_are_found_once_each() {
        let mut der = Vec::new();
        for name in ["A Signer", "A Root", "A Signer"] {
            der.extend_from_slice(COMMON_NAME);
            der.extend_from_slice(&[0x13, name.len() as u8]);
            der.extend_from_slice(name.as_bytes());
        }
        assert_eq!(signers(&program(&der)), ["A Signer", "A Root"]);
    }

    #[test]
    fn a_program_without_a_signature_or_cut_off_anywhere_has_no_names() {
        let whole = program(&[COMMON_NAME, &[0x13, 1, b'x']].concat());
        assert!(signers(&program(b"")).is_empty());
        for end in 0..whole.len() {
            assert!(signers(&whole[..end]).is_empty(), "{end}");
        }
    }
}
