//! The archive's manifest (DSP0243 1.1.0, "Manifest"): one line per file.

use crate::units::Digest;

/// SHA-256, and nothing else: VMware's clients from 6.5 on require or accept it, and newer ones
/// refuse SHA-1; the old vSphere C# client (up to 6.0) knows only SHA-1 and refuses this
/// (turnkeylinux/tracker#827, librenms/packer-builds#30). Writing both was rejected: an unknown
/// line is an error for either side. Hardware version 13, which the description asks for, is where
/// VMware's own tools switch to it.
///
/// OVF 1.1 itself names only SHA-1, and OVF 2 SHA-256, so a reader that follows it to the letter
/// rejects these digests (as COT 2.2.1 does).
///
/// Newer OpenSSL calls it "SHA2-256", which vCenter refuses (home-assistant/operating-system#3654).
const ALGORITHM: &str = "SHA256";

/// The lines for these files.
///
/// There is no space before the bracket and one after the equals sign, as VMware writes them:
/// "SHA256 (" is an unknown algorithm to ESXi (home-assistant/operating-system#826).
pub fn lines(files: &[(&str, Digest)]) -> String {
    files.iter().map(|(name, digest)| format!("{ALGORITHM}({name})= {digest}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn home_assistant_826_and_1674_no_blank_stands_before_the_bracket() {
        let digest = Digest::of("abc");
        let lines = lines(&[("a.ovf", digest), ("a-disk1.vmdk", digest)]);
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(lines, format!("SHA256(a.ovf)= {hex}\nSHA256(a-disk1.vmdk)= {hex}\n"));
    }
}
