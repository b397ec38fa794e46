//! A worker: one thread, one runtime, its own listeners, its own connections.
//!
//! Connections share nothing with those of other workers but counters that are touched when they begin and end.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use framewall_inspect::{Session, Settings};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::sleep,
};
use tracing::{debug, warn};

use super::{
    clients::Clients,
    fast_lane::{FastLane, LaneReport},
    record::Record,
    relay::Relay,
    upstream,
};
use crate::{
    drain::Phase,
    steer::{
        Upstreams,
        fast_lane::{Lanes, Ticket},
        listeners::WorkerListeners,
    },
    sys,
    telemetry::{
        clients::ClientNames,
        events::{Event, Events},
    },
};

/// How long to wait when the process has no descriptors left for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How the connections of a port are handled.
#[derive(Clone, Debug)]
pub(crate) struct PortPlan {
    /// The TCP port.
    pub(crate) number: u16,
    /// How to inspect them; `None` relays only.
    pub(crate) settings: Option<Arc<Settings>>,
    /// Whether they have a fast lane to the application.
    pub(crate) fast_lane: bool,
}

/// What the connections of all workers have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Steered ports, sorted.
    pub(crate) ports: Vec<PortPlan>,
    /// Connections at once.
    pub(crate) max_connections: usize,
    /// Connections of each client, if they are limited.
    pub(crate) clients: Option<Clients>,
    /// Connections now.
    pub(crate) connections: AtomicUsize,
    /// Where events go.
    pub(crate) events: Events,
    /// How they name clients.
    pub(crate) names: ClientNames,
}

impl Shared {
    /// How the connections of a port are handled; `None` if it is not steered.
    fn plan(&self, port: u16) -> Option<&PortPlan> {
        let place = self.ports.binary_search_by_key(&port, |plan| plan.number).ok()?;
        self.ports.get(place)
    }
}

/// Counts a connection for as long as it lives.
#[derive(Debug)]
struct Slot {
    shared: Arc<Shared>,
    client: IpAddr,
}

impl Slot {
    /// A place for a connection of `client`.
    ///
    /// # Errors
    ///
    /// The reason to refuse it, for events.
    fn take(shared: &Arc<Shared>, client: IpAddr) -> Result<Self, &'static str> {
        if !shared.clients.as_ref().is_none_or(|clients| clients.enter(client)) {
            return Err("too-many-connections-of-client");
        }
        let slot = Self { shared: Arc::clone(shared), client };
        let before = shared.connections.fetch_add(1, Ordering::Relaxed);
        if before < shared.max_connections { Ok(slot) } else { Err("too-many-connections") }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.shared.connections.fetch_sub(1, Ordering::Relaxed);
        if let Some(clients) = &self.shared.clients {
            clients.leave(self.client);
        }
    }
}

/// What the connections of one worker have in common.
#[derive(Debug)]
pub(crate) struct Worker {
    shared: Arc<Shared>,
    /// Only this worker's thread takes the lock: it stands in for the `&mut` of a map update.
    upstreams: Mutex<Upstreams>,
    lanes: Arc<Mutex<Lanes>>,
}

impl Worker {
    /// A worker that marks its upstream connections in `upstreams`.
    pub(crate) fn new(shared: Arc<Shared>, upstreams: Upstreams, lanes: Lanes) -> Self {
        Self { shared, upstreams: Mutex::new(upstreams), lanes: Arc::new(Mutex::new(lanes)) }
    }

    /// Accepts and relays until `phase` says that the daemon has stopped.
    pub(crate) async fn run(
        self,
        listeners: WorkerListeners,
        mut phase: watch::Receiver<Phase>,
    ) -> io::Result<()> {
        let worker = Arc::new(self);
        // The connections wait on a channel of this thread's own: its lock is never contended.
        let (closing, _) = watch::channel(Phase::Running);
        let v4 = TcpListener::from_std(listeners.v4)?;
        let v6 = listeners.v6.map(TcpListener::from_std).transpose()?;
        // Draining too: a handshake that began before steering stopped was promised a connection.
        while *phase.borrow_and_update() < Phase::Closing {
            let accepted = tokio::select! {
                changed = phase.changed() => match changed {
                    Ok(()) => continue,
                    Err(_sender_gone) => break,
                },
                accepted = v4.accept() => accepted,
                accepted = accept_if_any(v6.as_ref()) => accepted,
            };
            match accepted {
                Ok((stream, peer)) => worker.admit(stream, peer, closing.subscribe()),
                Err(error) => {
                    warn!(%error, "cannot accept, connections wait in the kernel's queue");
                    worker.shared.events.emit(&Event::AcceptFailed { error: error.to_string() });
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        for listener in [Some(v4), v6].into_iter().flatten() {
            let listener = listener.into_std()?;
            while let Ok((stream, peer)) = listener.accept() {
                stream.set_nonblocking(true)?;
                worker.admit(TcpStream::from_std(stream)?, peer, closing.subscribe());
            }
        }
        loop {
            let now = *phase.borrow_and_update();
            closing.send_replace(now);
            if now == Phase::Stopped || phase.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    /// Relays a connection in a task of its own, or resets it.
    fn admit(self: &Arc<Self>, client: TcpStream, peer: SocketAddr, closing: watch::Receiver<Phase>) {
        let Ok(server) = client.local_addr() else { return };
        // Made to the listener's own port, not steered: there is no application behind it.
        let Some(plan) = self.shared.plan(server.port()) else {
            debug!(client = %self.shared.names.name(peer), %server, "refused: not a steered port");
            return reset(&client);
        };
        let (settings, fast_lane) = (plan.settings.clone(), plan.fast_lane);
        let slot = match Slot::take(&self.shared, peer.ip()) {
            Ok(slot) => slot,
            Err(reason) => {
                let name = self.shared.names.name(peer);
                warn!(client = %name, %server, reason, "refused");
                self.shared.events.emit(&Event::ConnectionRefused { client: name, server, reason });
                return reset(&client);
            }
        };
        let worker = Arc::clone(self);
        let mut closing = closing;
        tokio::spawn(async move {
            // Memory that each connection has for as long as it lives: what came before the relay is not in it.
            if let Some(mut relay) = worker.join(client, peer, server, (settings, fast_lane)).await {
                relay.run(&mut closing).await;
            }
            drop(slot);
        });
    }

    /// Connects on to the application; `None` if that cannot be reached, and the client is reset.
    async fn join(
        &self,
        client: TcpStream,
        peer: SocketAddr,
        server: SocketAddr,
        (settings, fast_lane): (Option<Arc<Settings>>, bool),
    ) -> Option<Relay> {
        let name = self.shared.names.name(peer);
        let mut record = Record::open(self.shared.events.clone(), peer.ip(), name, server);
        let ticket = if fast_lane { Ticket::take() } else { None };
        if fast_lane && ticket.is_none() {
            // There are as many as there can be: this one has plain TCP.
            record.set_fast_lane(LaneReport::none());
        }
        let fast_lane = ticket.map(|ticket| Box::new(FastLane::new(ticket, Arc::clone(&self.lanes))));
        let ticket = fast_lane.as_deref().map(FastLane::ticket);
        let upstream = match upstream::connect(&self.upstreams, server, peer, ticket).await {
            Ok(upstream) => upstream,
            Err(error) => {
                debug!(client = %name, %server, %error, "the application cannot be reached");
                record.end(error.end_reason());
                reset(&client);
                return None;
            }
        };
        // What the client's side needs it has from the listener.
        if let Err(error) = upstream.set_nodelay(true) {
            // The application has gone between connect and here; reading will tell how.
            debug!(client = %name, %error, "socket option not set");
        }
        let session =
            settings.map(|settings| Session::new(settings, record.link(), record.mask_key(), Instant::now()));
        Some(Relay::new(client, upstream, session, fast_lane, record))
    }
}

async fn accept_if_any(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// Makes the drop of `client` a reset.
fn reset(client: &TcpStream) {
    if let Err(error) = sys::reset_on_close(client) {
        debug!(%error, "closed without a reset");
    }
}
