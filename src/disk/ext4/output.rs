//! Collects extents; neighbouring blocks of metadata become one.

use std::sync::Arc;

use super::geometry::{BLOCK, BLOCK_BYTES};
use crate::disk::{Data, Extent};
use crate::units::KIB;

/// Bytes that are joined. They are collected in this buffer, always the same memory, and copied
/// from there to their own place. A larger buffer would use memory that was not touched before,
/// which costs more than the copying.
const JOINED: usize = (256 * KIB) as usize;

/// The extents of a filesystem under construction.
#[derive(Debug, Default)]
pub(super) struct Output {
    extents: Vec<Extent>,
    pending_at: u64,
    pending: Vec<u8>,
}

impl Output {
    /// Whole blocks of metadata, in any order; consecutive ones are joined.
    pub fn blocks(&mut self, block: u64, bytes: &[u8]) {
        let follows = self.pending_at + (self.pending.len() / BLOCK_BYTES) as u64 == block;
        if !follows || self.pending.len() >= JOINED {
            self.flush();
            self.pending_at = block;
        }
        self.pending.extend_from_slice(bytes);
    }

    /// Any data at a byte offset.
    pub fn data(&mut self, offset: u64, data: Data) {
        self.extents.push(Extent { offset, data });
    }

    /// Bytes in memory at a byte offset.
    pub fn bytes(&mut self, offset: u64, bytes: impl Into<Arc<[u8]>>) {
        self.extents.push(Extent::bytes(offset, bytes));
    }

    fn flush(&mut self) {
        if !self.pending.is_empty() {
            self.extents.push(Extent::bytes(self.pending_at * BLOCK, &self.pending[..]));
            self.pending.clear();
        }
    }

    /// All extents in order.
    pub fn finish(mut self) -> Vec<Extent> {
        self.flush();
        self.extents.sort_unstable_by_key(|extent| extent.offset);
        self.extents
    }
}
