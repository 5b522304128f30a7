use std::io::Write;

use super::*;
use crate::progress::Quiet;
use crate::units::KIB;

fn cut(bytes: &[u8], cuts: &[u64], form: Form) -> List {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    list(file.as_file(), file.path(), bytes.len() as u64, cuts, form, &Quiet).unwrap()
}

/// Bytes that do not get shorter.
fn noise(length: u64) -> Vec<u8> {
    let mut bytes = vec![0; length as usize];
    blake3::Hasher::new().update(b"noise").finalize_xof().fill(&mut bytes);
    bytes
}

fn bytes_of(file: &[u8], piece: &Piece) -> Vec<u8> {
    let range = |span: &Span| file[span.at as usize..(span.at + span.length) as usize].to_vec();
    piece.at.iter().flat_map(range).collect()
}

#[test]
fn a_file_is_its_pieces_and_zeros_whatever_the_cuts_are() {
    let mut file = noise(20 * MIB + 77);
    file[5 * MIB as usize..9 * MIB as usize].fill(0);
    let cuts = [7, 100, 20 * KIB, 5 * MIB, 9 * MIB, 9 * MIB + 5, 10 * MIB];
    let wild = [u64::MAX, 10 * MIB, 3, 3, 0, 20 * MIB + 77];
    for cuts in [&cuts[..], &wild, &[]] {
        let list = cut(&file, cuts, Form::Plain);
        assert_eq!(List::parse(&list.text().unwrap()).unwrap(), list);
        list.expect(file.len() as u64, Digest::of(&file)).unwrap();
        for piece in &list.pieces {
            assert_eq!(Digest::of(bytes_of(&file, piece)), piece.sha256);
            assert!(piece.length() <= 8 * MIB);
        }
    }
    let list = cut(&file, &cuts, Form::Plain);
    assert_eq!(list.zeros, [Span { at: 5 * MIB, length: 4 * MIB }]);
    // what is tiny is one piece: the first two ranges are neighbours
    let tiny = list.pieces.iter().find(|piece| piece.at.len() > 1).unwrap();
    assert_eq!(tiny.at, [Span { at: 0, length: 100 }, Span { at: 9 * MIB, length: 5 }]);
}

#[test]
fn the_same_stretch_at_other_offsets_is_the_same_piece() {
    let shared = noise(6 * MIB);
    let of = |front: usize| {
        let file = [vec![9; front], shared.clone()].concat();
        cut(&file, &[front as u64, front as u64 + 4 * MIB], Form::Plain)
    };
    let [one, other] = [100_000, 54_321].map(of);
    assert_eq!(one.pieces.len(), 3);
    assert_ne!(one.pieces[0].sha256, other.pieces[0].sha256);
    for n in [1, 2] {
        assert_eq!(one.pieces[n].sha256, other.pieces[n].sha256);
    }
}

#[test]
fn a_list_that_is_none_of_a_file_is_refused() {
    let file = noise(6 * MIB);
    let good = cut(&file, &[2 * MIB, 4 * MIB], Form::Zstd);
    let refused = |change: &dyn Fn(&mut List)| {
        let mut list = good.clone();
        change(&mut list);
        let error = List::parse(&list.text().unwrap()).unwrap_err();
        assert!(matches!(error.kind(), Kind::Damaged | Kind::Refused), "{error}");
    };
    refused(&|list| list.format = FORMAT + 1);
    refused(&|list| list.size += 1);
    refused(&|list| list.size -= 1);
    refused(&|list| list.pieces.truncate(2));
    refused(&|list| list.pieces.swap_remove(0).at.clear());
    refused(&|list| list.pieces[1].at.clear());
    refused(&|list| list.pieces[1].at[0].at -= 1);
    refused(&|list| list.pieces[1].at[0].length += 1);
    refused(&|list| list.pieces[2].at[0] = Span { at: 4 * MIB, length: u64::MAX });
    refused(&|list| list.pieces[2].at.push(Span { at: u64::MAX, length: u64::MAX }));
    refused(&|list| list.zeros.push(Span { at: 0, length: 0 }));
    refused(&|list| list.zeros.push(Span { at: 2 * MIB, length: 2 * MIB }));
    refused(&|list| {
        list.size = 1 << 60;
        list.pieces[2].at[0].length = (1 << 60) - 4 * MIB;
    });
    assert!(good.expect(good.size, Digest::of("other")).is_err());
    assert!(List::parse(b"[]").is_err() && List::parse(b"").is_err());
}

#[test]
fn a_list_with_fields_of_a_later_version_is_read() {
    let list = cut(&noise(MIB), &[], Form::Plain);
    let text = String::from_utf8(list.text().unwrap()).unwrap();
    let later = text.replacen('{', r#"{"later":1,"#, 1);
    assert_eq!(List::parse(later.as_bytes()).unwrap(), list);
}

#[test]
fn a_piece_comes_back_from_every_form_and_nothing_else_does() {
    let bytes = [noise(50_000), vec![7; 900_000]].concat();
    let (length, digest) = (bytes.len() as u64, Digest::of(&bytes));
    for form in [Form::Plain, Form::Zstd] {
        let stored = form.pack(bytes.clone()).unwrap();
        assert!(form.fits(length, stored.len() as u64) && !form.fits(length, 0));
        assert_eq!(form.unpack(stored.clone(), length, digest).unwrap(), bytes);
        let kind = |stored: Vec<u8>, length, digest| {
            form.unpack(stored, length, digest).unwrap_err().kind()
        };
        assert_eq!(kind(stored.clone(), length - 1, digest), Kind::Damaged);
        assert_eq!(kind(stored.clone(), length + 1, digest), Kind::Damaged);
        assert_eq!(kind(stored[..stored.len() - 1].to_vec(), length, digest), Kind::Damaged);
        assert_eq!(kind(stored, length, Digest::of("other")), Kind::Damaged);
    }
    // a frame that holds much more than the list says costs no more memory than that
    let bomb = Form::Zstd.pack(vec![0; 1 << 28]).unwrap();
    assert!(Form::Zstd.unpack(bomb, 1000, digest).is_err());
}
