//! Steering: the kernel programs of this daemon, from load to detach.
//!
//! Nothing is pinned. The kernel detaches every program and frees every map when the daemon's descriptors close,
//! whether it exits or is killed, and the listener leaves its map by itself: new connections then reach the
//! application directly.

mod btf;
pub(crate) mod fast_lane;
pub(crate) mod listeners;
mod probe;
mod self_test;

use std::{
    fs::File,
    io,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
};

use aya::{
    Ebpf, EbpfLoader,
    maps::{HashMap, Map, MapData, MapError, SkStorage, SockMap},
    programs::{CgroupAttachMode, CgroupSockAddr, ProgramError, SkLookup, SockOps, sk_lookup::SkLookupLink},
};
use aya_log::EbpfLogger;
use fast_lane::{Ability, Lack, Lanes, Offsets};
use framewall_common::{LISTENER_V4, LISTENER_V6, NETNS_COOKIE, Upstream, map, offset, program};
use listeners::Listeners;
use log::Log;
use tracing::debug;

/// The kernel programs, built by `build.rs`.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/framewall-ebpf"));

/// The storage that marks the daemon's upstream sockets with what each is for.
pub(crate) type Upstreams = SkStorage<MapData, Upstream>;

/// Why traffic cannot be steered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SteerError {
    #[error(transparent)]
    Probe(#[from] probe::Lack),
    #[error("cannot open {path}")]
    Open { path: PathBuf, source: io::Error },
    #[error("the network namespace has no cookie (SO_NETNS_COOKIE, Linux 5.14)")]
    NetnsCookie(#[source] io::Error),
    #[error(
        "the kernel ({release}) refused the eBPF object, which needs Linux 5.15 and CONFIG_DEBUG_INFO_BTF",
        release = probe::release()
    )]
    Load(#[source] Box<aya::EbpfError>),
    #[error(
        "the kernel ({release}) refused the program {name}, which needs {feature}: {reason} (FRAMEWALL_LOG=debug shows the verifier's log)",
        release = probe::release()
    )]
    Program { name: &'static str, feature: &'static str, reason: String },
    #[error("the eBPF map {name}")]
    Map { name: &'static str, source: Box<MapError> },
    #[error(transparent)]
    SelfTest(#[from] self_test::SelfTestError),
}

/// Steering in force; ends with [`Steering::stop`] or when dropped.
#[derive(Debug)]
pub(crate) struct Steering {
    object: Ebpf,
    lookup: Option<SkLookupLink>,
    fast_lane: Ability,
}

impl Steering {
    /// Loads and attaches the programs, proves that they work, then steers `ports` to `listeners`.
    ///
    /// The program of the fast lane is only loaded if it is wanted; [`Self::fast_lane`] says what became of that.
    pub(crate) fn start(ports: &[u16], listeners: &Listeners, fast_lane: bool) -> Result<Self, SteerError> {
        probe::privileges()?;
        probe::features()?;
        let cgroup = open(&probe::cgroup2()?)?;
        let namespace = open(Path::new("/proc/thread-self/ns/net"))?;
        let cookie = crate::sys::netns_cookie().map_err(SteerError::NetnsCookie)?;

        let offsets = fast_lane.then(|| Offsets::of_kernel().map_err(Lack::from)).transpose();
        let known = offsets.as_ref().ok().copied().flatten().unwrap_or_default();
        let level = aya_log_level();
        let mut loader = EbpfLoader::new();
        loader
            .override_global(NETNS_COOKIE, &cookie, true)
            .override_global(aya_log::LEVEL, &level, true)
            .override_global(offset::WRITE_SEQ, &known.write_seq, true)
            .override_global(offset::COPIED_SEQ, &known.copied_seq, true)
            .override_global(offset::RMEM_ALLOC, &known.rmem_alloc, true);
        if !fast_lane {
            // What nobody uses takes no memory.
            for name in [map::LANES, map::LANE_SOCKETS, map::LANE_BYTES] {
                loader.map_max_entries(name, 1);
            }
        }
        let mut object = loader.load(OBJECT).map_err(|source| SteerError::Load(Box::new(source)))?;
        let lack = match offsets {
            // Before the programs that make sockets members, so that none is without it.
            Ok(Some(_)) => fast_lane::attach(&mut object).err().map(Lack::from),
            Ok(None) => None,
            Err(lack) => Some(lack),
        };
        set_listeners(&mut object, listeners)?;
        attach_cgroup(&mut object, &cgroup)?;
        let lookup = attach_lookup(&mut object, &namespace)?;

        // No port is steered yet: a self-test that fails has touched nobody's traffic.
        let ability = Ability { lack, fionread: None };
        let mut steering = Self { object, lookup: Some(lookup), fast_lane: ability };
        self_test::run(&mut steering, listeners)?;
        if fast_lane && steering.fast_lane.lack.is_none() {
            steering.fast_lane = fast_lane::test(&steering);
        }
        for port in ports {
            steering.add_port(*port)?;
        }
        Ok(steering)
    }

    /// A handle of its own for a worker thread.
    pub(crate) fn upstreams(&self) -> Result<Upstreams, SteerError> {
        let fail = |source| SteerError::Map { name: map::UPSTREAMS, source: Box::new(source) };
        let Some(Map::SkStorage(data)) = self.object.map(map::UPSTREAMS) else {
            return Err(fail(MapError::ElementNotFound));
        };
        let descriptor = data.fd().as_fd().try_clone_to_owned().map_err(|io_error| {
            fail(MapError::SyscallError(aya::sys::SyscallError { call: "dup", io_error }))
        })?;
        let copy = MapData::from_fd(descriptor).map_err(fail)?;
        Map::SkStorage(copy).try_into().map_err(fail)
    }

    /// What the fast lane can do here, if it is wanted.
    pub(crate) fn fast_lane(&self) -> &Ability {
        &self.fast_lane
    }

    /// A view of the lanes for a worker thread.
    pub(crate) fn lanes(&self) -> Result<Lanes, SteerError> {
        Lanes::of(&self.object)
    }

    /// The programs' log lines; call once.
    pub(crate) fn logger(&mut self) -> Result<EbpfLogger<&'static dyn Log>, aya_log::Error> {
        EbpfLogger::init(&mut self.object)
    }

    /// Stops steering new connections; what is steered already goes on.
    pub(crate) fn stop(&mut self) {
        drop(self.lookup.take());
    }

    fn add_port(&mut self, port: u16) -> Result<(), SteerError> {
        self.ports()?.insert(port, 1, 0).map_err(ports_error)
    }

    fn remove_port(&mut self, port: u16) -> Result<(), SteerError> {
        self.ports()?.remove(&port).map_err(ports_error)
    }

    fn ports(&mut self) -> Result<HashMap<&mut MapData, u16, u8>, SteerError> {
        map_mut(&mut self.object, map::PORTS)
    }
}

fn ports_error(source: MapError) -> SteerError {
    SteerError::Map { name: map::PORTS, source: Box::new(source) }
}

fn open(path: &Path) -> Result<File, SteerError> {
    File::open(path).map_err(|source| SteerError::Open { path: path.to_owned(), source })
}

/// The level up to which the programs write log lines: what the log filter lets through anyway.
fn aya_log_level() -> u8 {
    let level = match log::max_level() {
        log::LevelFilter::Off | log::LevelFilter::Error => aya_log::Level::Error,
        log::LevelFilter::Warn => aya_log::Level::Warn,
        log::LevelFilter::Info => aya_log::Level::Info,
        log::LevelFilter::Debug => aya_log::Level::Debug,
        log::LevelFilter::Trace => aya_log::Level::Trace,
    };
    level as u8
}

fn map_mut<'a, M>(object: &'a mut Ebpf, name: &'static str) -> Result<M, SteerError>
where
    M: TryFrom<&'a mut Map, Error = MapError>,
{
    object
        .map_mut(name)
        .ok_or(MapError::ElementNotFound)
        .and_then(M::try_from)
        .map_err(|source| SteerError::Map { name, source: Box::new(source) })
}

fn set_listeners(object: &mut Ebpf, listeners: &Listeners) -> Result<(), SteerError> {
    let mut slots: SockMap<&mut MapData> = map_mut(object, map::LISTENERS)?;
    let fail = |source| SteerError::Map { name: map::LISTENERS, source: Box::new(source) };
    // One socket of the SO_REUSEPORT group is enough: the kernel chooses over the whole group.
    slots.set(LISTENER_V4, listeners.v4(), 0).map_err(fail)?;
    if let Some(listener) = listeners.v6() {
        slots.set(LISTENER_V6, listener, 0).map_err(fail)?;
    }
    Ok(())
}

fn attach_cgroup(object: &mut Ebpf, cgroup: &File) -> Result<(), SteerError> {
    // Links always allow several programs; the kernel wants no flag with them.
    let mode = CgroupAttachMode::Single;
    let name = program::FLOW;
    let fail = |source| refused(name, "sock_ops with namespace cookies (Linux 5.15)", source);
    let flow: &mut SockOps = program_mut(object, name).map_err(fail)?;
    flow.load().map_err(fail)?;
    flow.attach(cgroup, mode).map_err(fail)?;
    for name in [program::PEER4, program::PEER6] {
        let fail = |source| refused(name, "getpeername hooks (Linux 5.8)", source);
        let hook: &mut CgroupSockAddr = program_mut(object, name).map_err(fail)?;
        hook.load().map_err(fail)?;
        hook.attach(cgroup, mode).map_err(fail)?;
    }
    Ok(())
}

fn attach_lookup(object: &mut Ebpf, namespace: &File) -> Result<SkLookupLink, SteerError> {
    let name = program::STEER;
    let fail = |source| refused(name, "sk_lookup (Linux 5.9)", source);
    let steer: &mut SkLookup = program_mut(object, name).map_err(fail)?;
    steer.load().map_err(fail)?;
    let link = steer.attach(namespace).map_err(fail)?;
    steer.take_link(link).map_err(fail)
}

fn program_mut<'a, P>(object: &'a mut Ebpf, name: &str) -> Result<&'a mut P, ProgramError>
where
    &'a mut P: TryFrom<&'a mut aya::programs::Program, Error = ProgramError>,
{
    object.program_mut(name).ok_or(ProgramError::NotLoaded)?.try_into()
}

/// Names what the program needs; the verifier's log is for the log.
fn refused(name: &'static str, feature: &'static str, error: ProgramError) -> SteerError {
    let reason = if let ProgramError::LoadError { io_error, verifier_log } = error {
        debug!(name, %verifier_log, "program refused");
        io_error.to_string()
    } else {
        error.to_string()
    };
    SteerError::Program { name, feature, reason }
}
