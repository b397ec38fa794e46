//! The maps, and what the daemon sets before it loads the programs.

use aya_ebpf::{
    Global,
    btf_maps::{HashMap, SkStorage, SockMap},
    macros::btf_map,
};
use framewall_common::{Endpoint, FlowKey, MAX_FLOWS, MAX_LISTENERS, MAX_PORTS};

/// See [`framewall_common::NETNS_COOKIE`].
#[expect(unsafe_code, reason = "the loader finds a global by its symbol")]
#[unsafe(no_mangle)]
pub(crate) static NETNS_COOKIE: Global<u64> = Global::new(0);

/// See [`framewall_common::map::PORTS`].
#[btf_map(name = "framewall_ports")]
pub(crate) static PORTS: HashMap<u16, u8, MAX_PORTS> = HashMap::new();

/// See [`framewall_common::map::LISTENERS`].
#[btf_map(name = "framewall_lstn")]
pub(crate) static LISTENERS: SockMap<MAX_LISTENERS> = SockMap::new();

/// See [`framewall_common::map::FLOWS`].
#[btf_map(name = "framewall_flows")]
pub(crate) static FLOWS: HashMap<FlowKey, Endpoint, MAX_FLOWS> = HashMap::new();

/// See [`framewall_common::map::UPSTREAMS`].
#[btf_map(name = "framewall_up")]
pub(crate) static UPSTREAMS: SkStorage<Endpoint> = SkStorage::new();

/// See [`framewall_common::map::CLIENTS`].
#[btf_map(name = "framewall_peers")]
pub(crate) static CLIENTS: SkStorage<Endpoint> = SkStorage::new();
