//! How many bytes applications have sent, as the kernel program tells it: a map in the daemon's memory.
#![expect(unsafe_code, reason = "no library maps a kernel map of numbers into memory")]

use std::{
    num::NonZeroUsize,
    os::fd::AsFd as _,
    ptr::NonNull,
    sync::atomic::{AtomicU64, Ordering},
};

use aya::{
    Ebpf,
    maps::{Map, MapError},
};
use framewall_common::{NOT_TOLD, lane_slot, map};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

use super::{SteerError, map_error};

/// A view of [`LANE_BYTES`](map::LANE_BYTES).
#[derive(Debug)]
pub(crate) struct AppBytes(NonNull<[AtomicU64]>);

// SAFETY: it is only read from, and every access is atomic.
unsafe impl Send for AppBytes {}
// SAFETY: as above.
unsafe impl Sync for AppBytes {}

impl AppBytes {
    /// Maps it.
    pub(super) fn of(object: &Ebpf) -> Result<Self, SteerError> {
        let fail = |source| map_error(map::LANE_BYTES, source);
        let Some(Map::Array(data)) = object.map(map::LANE_BYTES) else {
            return Err(fail(MapError::ElementNotFound));
        };
        let slots = data.info().map_err(fail)?.max_entries() as usize;
        let len = NonZeroUsize::new(slots * size_of::<AtomicU64>());
        let len = len.ok_or_else(|| fail(MapError::ElementNotFound))?;
        // SAFETY: the kernel chooses where. The map has so many bytes, and exists as long as it is mapped.
        let mapped =
            unsafe { mmap(None, len, ProtFlags::PROT_READ, MapFlags::MAP_SHARED, data.fd().as_fd(), 0) };
        let mapped = mapped.map_err(|errno| {
            fail(MapError::from(aya::sys::SyscallError { call: "mmap", io_error: errno.into() }))
        })?;
        Ok(Self(NonNull::slice_from_raw_parts(mapped.cast(), slots)))
    }

    /// How many bytes the application of a lane has sent, by the lane and by TCP, modulo 2³²; `None` before the first.
    ///
    /// Those that can be read now are among them, unless the lane was left.
    #[expect(clippy::cast_possible_truncation, reason = "the number in it has 32 bits")]
    pub(crate) fn told(&self, lane: u64) -> Option<u32> {
        // SAFETY: it is mapped for as long as this lives.
        let slots = unsafe { self.0.as_ref() };
        let told = slots.get(lane_slot(lane) as usize)?.load(Ordering::Acquire);
        (told != NOT_TOLD).then_some(told as u32)
    }
}

impl Drop for AppBytes {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and nobody holds a reference into it.
        let _ = unsafe { munmap(self.0.cast(), self.0.len() * size_of::<AtomicU64>()) };
    }
}
