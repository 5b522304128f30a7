use super::super::{Bytes, CLUSTER, Form, Group, Place, SEGMENT};
use super::*;
use crate::disk::Extent;
use crate::progress::Quiet;
use crate::units::MIB;

const ALL: [Codec; 5] = Codec::ALL;

/// A group's chunks, and its length.
type Recorded = (Vec<(Place, Vec<u8>)>, u64);

/// Keeps everything that it receives.
struct Keeper {
    codec: Codec,
    groups: Vec<Recorded>,
    fails: bool,
}

impl Keeper {
    fn new(codec: Codec) -> Self {
        Self { codec, groups: Vec::new(), fails: false }
    }

    fn chunks(&self) -> Vec<(Place, Vec<u8>)> {
        self.groups.iter().flat_map(|(chunks, _)| chunks.clone()).collect()
    }
}

impl Sink for Keeper {
    fn codec(&self) -> Codec {
        self.codec
    }

    fn put(&mut self, group: &Group<'_>) -> Result<()> {
        let Bytes::Fresh(bytes) = group.bytes else { panic!("there is no cache") };
        if self.fails {
            return Err(Error::new(Kind::NoSpace, "full"));
        }
        let bytes_of = |p: &Place| bytes[p.offset as usize..][..p.length as usize].to_vec();
        let chunks = group.places.iter().map(|place| (*place, bytes_of(place))).collect();
        self.groups.push((chunks, group.bytes.length()));
        Ok(())
    }
}

fn disk() -> Disk {
    let mut state = 1u64;
    let mut next = || {
        // xorshift64: no encoding makes its output shorter
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    let noise: Vec<u8> = (0..300_000).map(|_| next()).collect();
    let extents = vec![
        Extent::bytes(5, *b"x"),
        Extent::bytes(3 * CLUSTER, vec![0; 2 * CLUSTER as usize]),
        Extent::bytes(40 * CLUSTER + 7, noise),
        Extent::bytes(2 * SEGMENT - MIB - 9, vec![b'y'; 3_000_000]),
    ];
    Disk::new(3 * SEGMENT + 5 * MIB + 512, extents).unwrap()
}

fn work(disk: &Disk, threads: usize) -> Work<'_> {
    Work { disk, cache: None, spare: 0, threads }
}

fn record(codecs: &[Codec], threads: usize) -> Vec<Keeper> {
    let disk = disk();
    let mut recorders: Vec<_> = codecs.iter().map(|codec| Keeper::new(*codec)).collect();
    walk(work(&disk, threads), &mut recorders, &Quiet).unwrap();
    recorders
}

#[test]
fn the_groups_are_the_same_with_any_number_of_threads_and_whoever_else_listens() {
    for codec in ALL {
        let one = &record(&[codec], 1)[0].groups;
        assert!(one.iter().any(|(chunks, _)| !chunks.is_empty()));
        for threads in [2, 3, 70] {
            let other = record(&[codec], threads);
            assert!(other[0].groups == *one, "{codec:?} with {threads} threads");
        }
        let together = record(&ALL, 3);
        let same = together.iter().find(|r| r.codec == codec).unwrap();
        assert!(same.groups == *one);
    }
}

#[test]
fn two_that_want_one_codec_get_the_same() {
    let both = record(&[Codec::Grain, Codec::Grain], 2);
    assert!(both[0].groups == both[1].groups && !both[0].groups.is_empty());
}

#[test]
fn chunks_come_in_order_and_those_of_zeros_only_where_the_stream_holds_them() {
    for recorder in record(&ALL, 2) {
        let indexes: Vec<u64> = recorder.chunks().iter().map(|(place, _)| place.index).collect();
        let all = disk().size().div_ceil(recorder.codec.chunk());
        if recorder.codec.holds_zeros() {
            assert!(indexes.iter().copied().eq(0..all));
        } else {
            assert!(indexes.windows(2).all(|w| w[0] < w[1]));
            assert!(indexes.iter().all(|index| !(1..40).contains(index)));
        }
    }
}

#[test]
fn places_lie_apart_and_inside_their_group() {
    for recorder in record(&ALL, 2) {
        for (chunks, length) in &recorder.groups {
            let mut places: Vec<_> =
                chunks.iter().map(|(p, _)| (p.offset, p.offset + p.length)).collect();
            places.sort();
            assert!(places.windows(2).all(|w| w[0].1 <= w[1].0));
            assert!(places.last().is_none_or(|last| last.1 <= *length));
            assert!(length.is_multiple_of(recorder.codec.alignment()));
        }
    }
}

#[test]
fn noise_is_stored_in_qcow2_only() {
    for recorder in record(&ALL, 1) {
        let stored = recorder.chunks().iter().any(|(place, _)| place.form == Form::Stored);
        assert_eq!(stored, recorder.codec.alignment() == CLUSTER, "{:?}", recorder.codec);
    }
}

#[test]
fn zstd_frames_one_after_the_other_are_the_disk() {
    let stream: Vec<u8> =
        record(&[Codec::Zstd], 2)[0].chunks().into_iter().flat_map(|(_, bytes)| bytes).collect();
    let mut whole = vec![0; disk().size() as usize];
    disk().read_at(&mut whole, 0).unwrap();
    assert!(::zstd::decode_all(&stream[..]).unwrap() == whole);
}

#[test]
fn an_error_while_writing_ends_all_threads() {
    let mut recorder = Keeper::new(Codec::Qcow2Zstd);
    recorder.fails = true;
    let error = walk(work(&disk(), 3), &mut [recorder], &Quiet).unwrap_err();
    assert_eq!(error.kind(), Kind::NoSpace);
}

#[test]
fn nobody_listening_is_no_work() {
    walk::<Keeper>(work(&disk(), 1), &mut [], &Quiet).unwrap();
}
