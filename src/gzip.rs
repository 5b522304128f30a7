//! A .tar.gz that somebody else made: one gzip member, read to its end, and no further than a
//! limit.
//!
//! A tar reader stops at the end of the tar. Unless somebody reads on, nobody checks gzip's
//! checksum, nor what follows it.

use std::io::{BufRead, Read};

use flate2::bufread::GzDecoder;

use crate::error::{Context, Error, Kind, Result};
use crate::units::ByteSize;

/// Gives `read` the unpacked bytes; any that it leaves unread must be zeros. `what` names the
/// archive in messages, as in "the module".
pub(crate) fn whole<T>(
    from: impl BufRead,
    limit: u64,
    what: &str,
    read: impl FnOnce(&mut dyn Read) -> Result<T>,
) -> Result<T> {
    let mut bytes = GzDecoder::new(from).take(limit + 1);
    let done = read(&mut bytes);
    // to the reader, a limit looks like a truncated archive
    if bytes.limit() == 0 {
        let message = format!("{what}'s archive unpacks to over {}", ByteSize(limit));
        return Err(Error::new(Kind::Refused, message));
    }
    let value = done?;
    let doing = format!("cannot read the end of {what}'s archive");
    let mut piece = [0; 1 << 13];
    loop {
        match bytes.read(&mut piece).doing(doing.as_str())? {
            0 => break,
            n if piece[..n].iter().all(|&byte| byte == 0) => {}
            _ => return Err(goes_on(what)),
        }
    }
    if bytes.limit() == 0 || !bytes.into_inner().into_inner().fill_buf().doing(doing)?.is_empty() {
        return Err(goes_on(what));
    }
    Ok(value)
}

fn goes_on(what: &str) -> Error {
    Error::new(Kind::Damaged, format!("{what}'s archive goes on after its end"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
        gz.write_all(bytes).unwrap();
        gz.finish().unwrap()
    }

    /// Reads two bytes, like a reader that has seen the end.
    fn two(bytes: &[u8]) -> Result<[u8; 2]> {
        whole(bytes, 1000, "the test", |from| {
            let mut two = [0; 2];
            from.read_exact(&mut two).doing("cannot read")?;
            Ok(two)
        })
    }

    #[test]
    fn one_member_with_zeros_at_its_end_is_read_and_nothing_else_is() {
        let good = gzip(b"ab\0\0\0");
        assert_eq!(two(&good).unwrap(), *b"ab");
        let mut sum = good.clone();
        let at = sum.len() - 6;
        sum[at] ^= 1;
        for (bad, says) in [
            (gzip(b"abc"), "goes on"),
            ([&good[..], b"x"].concat(), "goes on"),
            ([good.clone(), gzip(b"")].concat(), "goes on"),
            (good[..good.len() - 1].to_vec(), "the end"),
            (sum, "the end"),
            (gzip(&[&b"ab"[..], &[0; 2000]].concat()), "goes on"),
        ] {
            let error = two(&bad).unwrap_err().to_string();
            assert!(error.contains(says), "{says}: {error}");
        }
    }

    #[test]
    fn a_bomb_is_read_up_to_the_limit_alone() {
        let bomb = gzip(&[b'x'; 5000]);
        let error = whole(&bomb[..], 1000, "the test", |from| {
            let mut all = Vec::new();
            from.read_to_end(&mut all).doing("cannot read")?;
            assert_eq!(all.len(), 1001);
            Ok(())
        });
        assert!(error.unwrap_err().to_string().contains("unpacks to over"));
    }
}
