//! `framewall run`: puts the parts together, starts them in order and ends them in order.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::Context as _;
use framewall_inspect::{Budget, rules::LiveRules};
use tokio::{
    runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    time::{Instant, interval, sleep},
};
use tracing::{info, warn};

use crate::{
    cli::RunArgs,
    config::{Config, FastLaneMode, Port},
    conn::{
        accept::{PortPlan, Shared, Worker},
        clients::Clients,
    },
    drain::Phase,
    rules::{self, RulesError},
    steer::{
        Steering, Upstreams,
        fast_lane::{Ability, Lanes},
        listeners::{Listeners, WorkerListeners},
    },
    sys,
    telemetry::{
        self,
        clients::ClientNames,
        events::{Event, Events},
    },
};

/// Descriptors kept for everything that is not a connection.
const SPARE_FILES: u64 = 256;
/// Descriptors of a connection: the client's and the application's socket.
const FILES_PER_CONNECTION: u64 = 2;
/// How long handshakes that began before steering stopped may take to arrive.
const LAST_HANDSHAKES: Duration = Duration::from_millis(250);
/// How often the clock is looked at, for rules that expire.
const CLOCK_TICK: Duration = Duration::from_secs(30);
/// How often the end of draining is looked for.
const DRAIN_TICK: Duration = Duration::from_millis(20);
/// What a connection may need beyond its own grace time to be gone.
const CLOSING_MARGIN: Duration = Duration::from_millis(500);

/// Runs the daemon until a signal ends it.
pub(crate) fn run(args: RunArgs) -> anyhow::Result<()> {
    let config = Config::load(&args)?;
    let (set, warnings) = rules::load(&config.rules)?;
    let names = ClientNames::new(&config.anonymise_clients)?;
    telemetry::log::start()?;
    for warning in &warnings {
        warn!("{warning}");
    }
    let live = Arc::new(LiveRules::new(set));
    live.tell_time(std::time::Instant::now(), rules::unix_s());
    let open_files = sys::raise_open_files().context("the limit of open files")?;
    let possible = (open_files.saturating_sub(SPARE_FILES) / FILES_PER_CONNECTION).max(1);
    let max_connections = config.max_connections.unwrap_or(possible as usize);
    let workers = match config.workers {
        Some(workers) => workers,
        None => thread::available_parallelism().context("the number of cores")?.get(),
    };

    // Bind everything first, then load, then steer: what fails leaves the traffic alone.
    let (events, writer) =
        Events::open(&config.events).with_context(|| format!("cannot write events to {}", config.events))?;
    let ports = config.port_numbers();
    let listeners = Listeners::open(workers, &ports).context("cannot listen on loopback")?;
    let wants_lane = config.ports.iter().any(|port| port.fast_lane != FastLaneMode::Off);
    let steering = Steering::start(&ports, &listeners, wants_lane)?;
    let lanes = FastLanes::decide(&config.ports, steering.fast_lane())?;

    let budget = Arc::new(Budget::new(config.max_held_bytes));
    let shared = Arc::new(Shared {
        ports: config
            .ports
            .iter()
            .map(|port| PortPlan {
                number: port.number,
                settings: port.inspection(&budget, &live).map(Arc::new),
                fast_lane: lanes.with.contains(&port.number),
            })
            .collect(),
        max_connections,
        clients: config.max_connections_per_client.map(Clients::new),
        connections: AtomicUsize::new(0),
        events: events.clone(),
        names,
    });
    let daemon = Daemon { args, config, live, steering, lanes, shared, events };
    let result = daemon.run(listeners);
    writer.finish();
    result
}

/// Which ports have a fast lane.
#[derive(Debug, Default)]
struct FastLanes {
    with: Vec<u16>,
    /// Ports that should have one, and why they have not.
    without: Vec<(Vec<u16>, String)>,
}

impl FastLanes {
    /// # Errors
    ///
    /// There is a port that must have one, and cannot.
    fn decide(ports: &[Port], ability: &Ability) -> anyhow::Result<Self> {
        let mut lanes = Self::default();
        for port in ports {
            let lack = match port.fast_lane {
                FastLaneMode::Off => continue,
                FastLaneMode::DespiteFionread => ability.lack.as_ref(),
                FastLaneMode::On | FastLaneMode::Required => {
                    ability.lack.as_ref().or(ability.fionread.as_ref())
                }
            };
            let Some(lack) = lack else {
                lanes.with.push(port.number);
                continue;
            };
            if port.fast_lane == FastLaneMode::Required {
                anyhow::bail!(
                    "port {}: no fast lane, which is required: {lack}. See docs/fast-lane.md",
                    port.number
                );
            }
            let reason = lack.to_string();
            match lanes.without.iter_mut().find(|(_, other)| *other == reason) {
                Some((ports, _)) => ports.push(port.number),
                None => lanes.without.push((vec![port.number], reason)),
            }
        }
        Ok(lanes)
    }

    fn tell(&self, events: &Events) {
        if !self.with.is_empty() {
            info!(ports = ?self.with, "fast lane");
        }
        for (ports, reason) in &self.without {
            warn!(?ports, "no fast lane, plain TCP instead: {reason}");
            events.emit(&Event::FastLaneUnavailable { ports, reason: reason.clone() });
        }
    }
}

/// The daemon with its programs attached.
struct Daemon {
    args: RunArgs,
    config: Config,
    live: Arc<LiveRules>,
    steering: Steering,
    lanes: FastLanes,
    shared: Arc<Shared>,
    events: Events,
}

impl Daemon {
    fn run(mut self, listeners: Listeners) -> anyhow::Result<()> {
        let (phase, _) = watch::channel(Phase::Running);
        let workers = listeners
            .into_workers()
            .into_iter()
            .enumerate()
            .map(|(index, listeners)| {
                let sockets = (self.steering.upstreams()?, self.steering.lanes()?);
                start_worker(index, listeners, sockets, Arc::clone(&self.shared), phase.subscribe())
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("the control runtime")?
            .block_on(self.control(&phase))?;
        phase.send_replace(Phase::Stopped);
        for worker in workers {
            if worker.join().is_err() {
                warn!("a worker thread had died");
            }
        }
        self.events.emit(&Event::DaemonStopped);
        info!("stopped");
        Ok(())
    }

    /// Waits for a signal, then stops steering and drains.
    async fn control(&mut self, phase: &watch::Sender<Phase>) -> anyhow::Result<()> {
        let mut signals = Signals::new().context("signal handlers")?;
        let mut hangups = signal(SignalKind::hangup()).context("signal handlers")?;
        match self.steering.logger() {
            Ok(programs) => drop(tokio::spawn(telemetry::log::follow_programs(programs))),
            Err(error) => warn!(%error, "the kernel programs' log lines cannot be read"),
        }
        let ports = self.config.port_numbers();
        let mode = self.config.mode;
        info!(?ports, ?mode, max_connections = self.shared.max_connections, "steering");
        self.events.emit(&Event::DaemonStarted {
            version: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            mode,
            ports: &ports,
            fast_lane_ports: &self.lanes.with,
        });

        self.lanes.tell(&self.events);
        self.serve(&mut signals, &mut hangups).await;
        self.steering.stop();
        let connections = self.shared.connections.load(Ordering::Relaxed);
        info!(connections, "steering stopped, draining");
        self.events.emit(&Event::DaemonDraining { connections });
        phase.send_replace(Phase::Draining);
        if self.drained(self.config.drain_timeout, &mut signals).await {
            return Ok(());
        }
        phase.send_replace(Phase::Closing);
        let longest = self.config.ports.iter().map(|port| port.limits.close_grace).max();
        let grace = longest.unwrap_or_default() + CLOSING_MARGIN;
        if !self.drained(grace, &mut signals).await {
            warn!(connections = self.shared.connections.load(Ordering::Relaxed), "dropped open connections");
        }
        Ok(())
    }

    /// Goes on until a signal says that it is over.
    async fn serve(&self, signals: &mut Signals, hangups: &mut Signal) {
        let mut clock = interval(CLOCK_TICK);
        loop {
            tokio::select! {
                () = signals.next() => return,
                _ = hangups.recv() => self.reload(),
                _ = clock.tick() => self.live.tell_time(std::time::Instant::now(), rules::unix_s()),
            }
        }
    }

    /// Reads the rules again, all or nothing.
    fn reload(&self) {
        self.live.tell_time(std::time::Instant::now(), rules::unix_s());
        // The configuration may name other files now; what else it says needs a restart.
        let loaded = match Config::load(&self.args) {
            Ok(config) => rules::load(&config.rules),
            Err(error) => Err(RulesError::from(error)),
        };
        match loaded {
            Ok((set, warnings)) => {
                let (rules, warned) = (set.len(), warnings.len());
                self.live.replace(set);
                for warning in &warnings {
                    warn!("{warning}");
                }
                info!(rules, warnings = warned, "rules reloaded");
                self.events.emit(&Event::RulesReloaded { rules, warnings: warned });
            }
            Err(error) => {
                warn!("rules not reloaded, the running ones stay:\n{error}");
                self.events.emit(&Event::RulesReloadFailed { errors: error.lines() });
            }
        }
    }

    /// Whether all connections end before `timeout` or another signal.
    async fn drained(&self, timeout: Duration, signals: &mut Signals) -> bool {
        let start = Instant::now();
        while start.elapsed() < timeout {
            tokio::select! {
                () = sleep(DRAIN_TICK) => {}
                () = signals.next() => return false,
            }
            if start.elapsed() >= LAST_HANDSHAKES && self.shared.connections.load(Ordering::Relaxed) == 0 {
                return true;
            }
        }
        false
    }
}

/// SIGINT and SIGTERM.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn start_worker(
    index: usize,
    listeners: WorkerListeners,
    (upstreams, lanes): (Upstreams, Lanes),
    shared: Arc<Shared>,
    phase: watch::Receiver<Phase>,
) -> anyhow::Result<JoinHandle<()>> {
    let address: SocketAddr = listeners.v4.local_addr().context("a listener's address")?;
    let runtime =
        runtime::Builder::new_current_thread().enable_all().build().context("a worker's runtime")?;
    thread::Builder::new()
        .name(format!("framewall-{index}"))
        .spawn(move || {
            if let Err(error) = runtime.block_on(Worker::new(shared, upstreams, lanes).run(listeners, phase))
            {
                warn!(%error, %address, "a worker has ended");
            }
        })
        .context("a worker's thread")
}
