//! The maps, and what the daemon sets before it loads the programs.

use aya_ebpf::{
    Global,
    bindings::BPF_F_MMAPABLE,
    btf_maps::{Array, HashMap, SkStorage, SockHash, SockMap},
    macros::btf_map,
};
use framewall_common::{
    Endpoint, FlowKey, Lane, LaneEnd, MAX_FLOWS, MAX_LANES, MAX_LISTENERS, MAX_PORTS, Upstream,
};

/// See [`framewall_common::NETNS_COOKIE`].
#[expect(unsafe_code, reason = "the loader finds a global by its symbol")]
#[unsafe(no_mangle)]
pub(crate) static NETNS_COOKIE: Global<u64> = Global::new(0);

/// See [`framewall_common::offset::WRITE_SEQ`].
#[expect(unsafe_code, reason = "the loader finds a global by its symbol")]
#[unsafe(no_mangle)]
pub(crate) static WRITE_SEQ: Global<u32> = Global::new(0);

/// See [`framewall_common::offset::COPIED_SEQ`].
#[expect(unsafe_code, reason = "the loader finds a global by its symbol")]
#[unsafe(no_mangle)]
pub(crate) static COPIED_SEQ: Global<u32> = Global::new(0);

/// See [`framewall_common::offset::RMEM_ALLOC`].
#[expect(unsafe_code, reason = "the loader finds a global by its symbol")]
#[unsafe(no_mangle)]
pub(crate) static RMEM_ALLOC: Global<u32> = Global::new(0);

/// See [`framewall_common::map::PORTS`].
#[btf_map(name = "framewall_ports")]
pub(crate) static PORTS: HashMap<u16, u8, MAX_PORTS> = HashMap::new();

/// See [`framewall_common::map::LISTENERS`].
#[btf_map(name = "framewall_lstn")]
pub(crate) static LISTENERS: SockMap<MAX_LISTENERS> = SockMap::new();

/// See [`framewall_common::map::FLOWS`].
#[btf_map(name = "framewall_flows")]
pub(crate) static FLOWS: HashMap<FlowKey, Upstream, MAX_FLOWS> = HashMap::new();

/// See [`framewall_common::map::UPSTREAMS`].
#[btf_map(name = "framewall_up")]
pub(crate) static UPSTREAMS: SkStorage<Upstream> = SkStorage::new();

/// See [`framewall_common::map::CLIENTS`].
#[btf_map(name = "framewall_peers")]
pub(crate) static CLIENTS: SkStorage<Endpoint> = SkStorage::new();

/// See [`framewall_common::map::LANES`].
#[btf_map(name = "framewall_lanes")]
pub(crate) static LANES: HashMap<u64, Lane, MAX_LANES> = HashMap::new();

/// See [`framewall_common::map::LANE_SOCKETS`].
#[btf_map(name = "framewall_lsock")]
pub(crate) static LANE_SOCKETS: SockHash<u64, { 2 * MAX_LANES }> = SockHash::new();

/// See [`framewall_common::map::LANE_ENDS`].
#[btf_map(name = "framewall_lends")]
pub(crate) static LANE_ENDS: SkStorage<LaneEnd> = SkStorage::new();

/// See [`framewall_common::map::LANE_BYTES`].
#[btf_map(name = "framewall_lbyte")]
pub(crate) static LANE_BYTES: Array<u64, MAX_LANES, { BPF_F_MMAPABLE as usize }> = Array::new();
