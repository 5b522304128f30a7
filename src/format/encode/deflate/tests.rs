//! The encoder as a whole, judged by two independent inflaters.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use libdeflater::Decompressor;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};

use super::super::Form;
use super::matches::{Finder, MOST};
use super::symbols::{LONGEST, Token, WINDOW};
use super::{Clusters, Deflate};

/// Longer than any stream of these tests.
const ANY: usize = 2 * MOST;

/// Whether both inflaters find the input in a stream and nothing after it. (Neither of them reports
/// too large a distance, whatever window it is given: tests/encode.rs has a judge that does.)
fn assert_inflates(stream: &[u8], input: &[u8]) {
    let mut output = vec![0; input.len() + 1];
    let mut inflater = Decompress::new(false);
    let status = inflater.decompress(stream, &mut output, FlushDecompress::Finish);
    assert_eq!(status.ok(), Some(Status::StreamEnd), "zlib-rs");
    let (read, written) = (inflater.total_in() as usize, inflater.total_out() as usize);
    assert_eq!((read, written), (stream.len(), input.len()), "zlib-rs");
    assert!(output[..written] == *input, "zlib-rs");
    output.fill(1);
    let length = Decompressor::new().deflate_decompress(stream, &mut output[..input.len()]);
    assert_eq!(length, Ok(input.len()), "libdeflate");
    assert!(output[..input.len()] == *input, "libdeflate");
}

fn check(deflate: &mut Deflate, input: &[u8]) -> usize {
    let stream = deflate.encode(input, ANY).unwrap();
    assert_inflates(stream, input);
    stream.len()
}

/// Bytes that hardly repeat (xorshift64).
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Text with packages' names, versions and sums.
fn text() -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock");
    std::fs::read(path).unwrap()[..MOST].to_vec()
}

/// Data of many kinds, one after another.
fn mixed() -> Vec<u8> {
    let mut bytes = text()[..MOST / 4].to_vec();
    bytes.extend(noise(3, MOST / 4));
    bytes.resize(bytes.len() + MOST / 8, 0);
    bytes.extend((0..MOST as u32 / 32).flat_map(|i| (i * i).to_le_bytes()));
    let left = MOST - bytes.len();
    bytes.extend(noise(4, left).iter().map(|byte| byte % 20));
    bytes
}

#[test]
fn empty_and_short_inputs_come_back() {
    let mut deflate = Deflate::new();
    let text = text();
    for length in 0..300 {
        check(&mut deflate, &text[..length]);
        check(&mut deflate, &noise(1, length));
        check(&mut deflate, &vec![7; length]);
    }
}

#[test]
fn bytes_that_are_all_equal_come_back_in_next_to_nothing() {
    let mut deflate = Deflate::new();
    for length in [MOST - 1, MOST] {
        for byte in [0, 255] {
            assert!(check(&mut deflate, &vec![byte; length]) < 100);
        }
    }
}

#[test]
fn clusters_of_text_noise_and_both_come_back() {
    let mut deflate = Deflate::new();
    for input in [text(), noise(1, MOST), mixed()] {
        check(&mut deflate, &input);
    }
}

#[test]
fn a_repetition_across_the_whole_window_is_found_and_none_beyond() {
    let mut tokens = Vec::new();
    let mut finder = Finder::new();
    let block = noise(9, WINDOW);
    let twice: Vec<u8> = block.iter().chain(&block).copied().collect();
    finder.find(&twice, &mut tokens);
    let longest = Token::repetition(LONGEST as u32, WINDOW as u32 - 1);
    let found = tokens.iter().filter(|token| **token == longest).count();
    assert_eq!(found, WINDOW / LONGEST, "all of the second block");
    check(&mut Deflate::new(), &twice);

    let apart: Vec<u8> = block.iter().chain(&[0]).chain(&block).copied().collect();
    finder.find(&apart, &mut tokens);
    assert!(tokens.iter().all(|t| t.back() < WINDOW as u32 && t.kind() < 256 + 5), "chance alone");
    check(&mut Deflate::new(), &apart);
}

#[test]
fn what_does_not_get_shorter_is_stored() {
    let mut clusters = Clusters::new();
    for input in [vec![], vec![1], noise(5, MOST)] {
        let chunk = clusters.encode(&input).unwrap();
        assert_eq!((chunk.form, chunk.bytes), (Form::Stored, input));
    }
    assert_eq!(clusters.encode(&text()).unwrap().form, Form::Encoded);
    assert!(clusters.encode(&[0; MOST + 1]).is_err());
}

#[test]
fn a_part_that_cannot_be_compressed_costs_a_stored_block() {
    let mut input = noise(6, MOST / 2);
    input.resize(MOST, 0);
    let length = check(&mut Deflate::new(), &input);
    assert!((MOST / 2..MOST / 2 + 512).contains(&length), "{length}");
}

#[test]
fn a_stream_that_just_fits_is_given_and_one_byte_less_gives_none() {
    let mut deflate = Deflate::new();
    for input in [text(), mixed(), vec![0; MOST], vec![1, 2, 3]] {
        let stream = deflate.encode(&input, ANY).unwrap().to_vec();
        assert_eq!(deflate.encode(&input, stream.len()), Some(&stream[..]));
        assert_eq!(deflate.encode(&input, stream.len() - 1), None);
    }
}

#[test]
fn what_was_encoded_before_does_not_matter() {
    let mut used = Deflate::new();
    let inputs = [mixed(), text(), vec![0; MOST], noise(2, 1000), text()[..20_000].to_vec()];
    let fresh = inputs.each_ref().map(|i| Deflate::new().encode(i, ANY).unwrap().to_vec());
    for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [1, 4, 1, 0, 3]] {
        for i in order {
            assert!(used.encode(&inputs[i], ANY) == Some(&fresh[i][..]), "{i} in {order:?}");
        }
    }
}

#[test]
fn the_bytes_are_the_same_on_every_machine() {
    // other numbers mean another encoder, never another machine or build
    let input = mixed_without_files();
    let stream = Deflate::new().encode(&input, ANY).unwrap().to_vec();
    assert_eq!((stream.len(), crc32fast::hash(&stream)), (36_924, 1_227_992_404));
}

/// Data that stays the same when packages change.
fn mixed_without_files() -> Vec<u8> {
    let words = noise(7, MOST / 2);
    let mut bytes: Vec<u8> = words
        .iter()
        .flat_map(|byte| (u32::from(*byte) * 77_777).to_string().into_bytes())
        .collect();
    bytes.truncate(MOST / 2);
    bytes.extend(noise(8, MOST / 4).iter().map(|byte| byte & 0x8F));
    bytes.extend(noise(9, MOST / 4));
    bytes
}

#[test]
fn text_takes_at_most_a_twentieth_more_than_with_zlib_at_level_3() {
    let input = text();
    let mut output = vec![0; ANY];
    let mut zlib = Compress::new_with_window_bits(Compression::new(3), false, 12);
    zlib.compress(&input, &mut output, FlushCompress::Finish).unwrap();
    let (ours, zlib) = (Deflate::new().encode(&input, ANY).unwrap().len(), zlib.total_out());
    assert!(ours as u64 <= zlib * 21 / 20, "{ours} against {zlib}");
}

/// Pieces that are random, have few values, or copy earlier bytes.
fn structured() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        (any::<u64>(), 1..300usize, Just(255u8)).boxed(),
        (any::<u64>(), 1..3000usize, 1..16u8).boxed(),
    ];
    let copy = (1..6000usize, 3..400usize);
    prop::collection::vec((piece, copy), 0..60).prop_map(|pieces| {
        let mut bytes: Vec<u8> = Vec::new();
        for ((seed, length, mask), (back, copied)) in pieces {
            bytes.extend(noise(seed | 1, length).iter().map(|byte| byte & mask));
            let from = bytes.len().saturating_sub(back);
            for i in from..from + copied {
                bytes.push(bytes[i]);
            }
        }
        bytes.truncate(MOST);
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn structured_inputs_come_back(input in structured()) {
        check(&mut Deflate::new(), &input);
    }

    #[test]
    fn random_inputs_of_any_length_come_back(input in prop::collection::vec(any::<u8>(), 0..2000)) {
        check(&mut Deflate::new(), &input);
    }

    #[test]
    fn inputs_of_few_values_come_back(input in prop::collection::vec(0..3u8, 0..5000)) {
        check(&mut Deflate::new(), &input);
    }
}
