//! A connection once it is a WebSocket.

use std::time::Instant;

use crate::{
    direction::Direction,
    payload::Subprotocol,
    session::{
        binding::Binding,
        clock::Unfinished,
        judge::Judge,
        outbox::Outbox,
        rates::{Counted, Rates},
        reader::Reader,
    },
    settings::{Mode, Settings},
    stats::{Counters, StreamCounters},
    verdict::{CloseReason, Examiner},
    ws::{DeflateParams, ProtocolViolation, Tracker},
};

/// Both sides of a WebSocket.
#[derive(Debug)]
pub(super) struct WsStage {
    client: Reader,
    app: App,
    deflate: Option<DeflateParams>,
    examiner: Examiner,
    subprotocol: Subprotocol,
    binding: Box<Binding>,
    rates: Option<Box<Rates>>,
    uninspected_messages: u64,
}

/// The application's side.
#[derive(Debug)]
enum App {
    /// Nobody asks for its messages.
    Followed(Tracker),
    Read(Box<Reader>),
}

impl WsStage {
    pub(super) fn new(
        deflate: Option<DeflateParams>,
        binding: Binding,
        settings: &Settings,
        now: Instant,
    ) -> Self {
        Self {
            subprotocol: Subprotocol::parse(binding.subprotocol()),
            binding: Box::new(binding),
            client: Reader::new(Direction::ToServer, deflate, StreamCounters::default()),
            app: App::Followed(Tracker::new(deflate.is_some())),
            deflate,
            examiner: Examiner::default(),
            rates: Rates::new(&settings.limits, now),
            uninspected_messages: 0,
        }
    }

    pub(super) const fn client(&self) -> &Reader {
        &self.client
    }

    /// Whether the application's messages are held until they are judged.
    pub(super) const fn reads_app(&self) -> bool {
        matches!(self.app, App::Read(_))
    }

    pub(super) fn add_to(&self, counters: &mut Counters) {
        counters.to_server = self.client.receiver().counters();
        counters.to_client = match &self.app {
            App::Followed(tracker) => tracker.counters(),
            App::Read(reader) => reader.receiver().counters(),
        };
        counters.uninspected_messages = self.uninspected_messages;
    }

    /// Approximate memory in bytes.
    pub(super) fn buffered_bytes(&self) -> usize {
        let app = match &self.app {
            App::Followed(_) => 0,
            App::Read(reader) => reader.receiver().buffered_bytes(),
        };
        self.client.receiver().buffered_bytes()
            + app
            + self.examiner.buffered_bytes()
            + self.binding.buffered_bytes()
    }

    /// Bytes that are kept of the unfinished message of a direction.
    pub(super) fn unfinished_bytes(&self, direction: Direction) -> usize {
        match (direction, &self.app) {
            (Direction::ToServer, _) => self.client.receiver().unfinished_bytes(),
            (Direction::ToClient, App::Read(reader)) => reader.receiver().unfinished_bytes(),
            (Direction::ToClient, App::Followed(_)) => 0,
        }
    }

    /// What the client has begun and not finished; a message that passes may take its time.
    pub(super) fn unfinished(&self) -> Option<Unfinished> {
        let receiver = self.client.receiver();
        let counters = receiver.counters();
        let idle = receiver.is_idle() || receiver.is_passing();
        // Control frames within a message do not give it more time.
        let controls = if receiver.has_message() { 0 } else { counters.control_frames };
        (!idle).then(|| Unfinished::Message(counters.messages + controls))
    }

    /// Reads what one side sent.
    ///
    /// # Errors
    ///
    /// The reason to end the connection.
    pub(super) fn input(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        now: Instant,
        settings: &Settings,
        out: &mut Outbox,
    ) -> Result<(), CloseReason> {
        self.binding.refresh(&settings.rules);
        match direction {
            Direction::ToServer => {
                let mut judge = Judge {
                    examiner: &mut self.examiner,
                    binding: &mut self.binding,
                    rates: self.rates.as_deref_mut(),
                    subprotocol: self.subprotocol,
                    settings,
                    now,
                    uninspected_messages: &mut self.uninspected_messages,
                };
                let allowed = judge.take(Counted::Bytes, bytes.len());
                let (bytes, excess) = bytes.split_at(allowed.min(bytes.len()));
                self.client.read(bytes, &mut judge, out)?;
                if excess.is_empty() {
                    return Ok(());
                }
                judge.exceed(Counted::Bytes, out)?;
                self.client.read(excess, &mut judge, out)
            }
            Direction::ToClient => {
                let wanted =
                    settings.detects(Direction::ToClient) || self.binding.asks_about(Direction::ToClient);
                if let App::Followed(tracker) = &mut self.app
                    && !wanted
                {
                    return follow(tracker, bytes, out);
                }
                let used = self.change_over(wanted, bytes, settings, out)?;
                let (App::Read(reader), Some(rest)) = (&mut self.app, bytes.get(used..)) else {
                    return Ok(());
                };
                let mut judge = Judge {
                    examiner: &mut self.examiner,
                    binding: &mut self.binding,
                    rates: None,
                    subprotocol: self.subprotocol,
                    settings,
                    now,
                    uninspected_messages: &mut self.uninspected_messages,
                };
                reader.read(rest, &mut judge, out)
            }
        }
    }

    /// Follows or reads the application's frames as is wanted, changing over between two messages. Returns how many bytes
    /// were followed; those after them are to be read.
    fn change_over(
        &mut self,
        wanted: bool,
        bytes: &[u8],
        settings: &Settings,
        out: &mut Outbox,
    ) -> Result<usize, CloseReason> {
        let tracker = match &mut self.app {
            App::Read(reader) if wanted || !reader.receiver().is_idle() => return Ok(0),
            App::Read(_) => {
                let app = std::mem::replace(&mut self.app, App::Followed(Tracker::new(false)));
                let mut tracker = app.into_tracker(settings.mode);
                let result = follow(&mut tracker, bytes, out);
                self.app = App::Followed(tracker);
                return result.map(|()| bytes.len());
            }
            App::Followed(tracker) => tracker,
        };
        let counters = tracker.counters();
        // What refers back to messages that nobody has read cannot be read.
        if counters.fragments > 0 && self.deflate.is_some_and(|params| params.takes_over(Direction::ToClient))
        {
            follow(tracker, bytes, out)?;
            self.uninspected_messages += tracker.counters().messages - counters.messages;
            return Ok(bytes.len());
        }
        let (passed, used) = tracker.advance_message(bytes).map_err(|error| refuse(error, out))?;
        out.release(Direction::ToClient, passed);
        if tracker.is_between_messages() {
            let reader = Reader::new(Direction::ToClient, self.deflate, tracker.counters());
            self.app = App::Read(Box::new(reader));
        }
        Ok(used)
    }

    /// There is no memory for what is unfinished: lets the longer of the unfinished messages pass.
    pub(super) fn pass_longest(&mut self, reason: CloseReason, out: &mut Outbox) {
        self.uninspected_messages += 1;
        match (self.longest(), &mut self.app) {
            (Direction::ToClient, App::Read(reader)) => reader.pass_message(reason, out),
            (Direction::ToServer, _) | (Direction::ToClient, App::Followed(_)) => {
                self.client.pass_message(reason, out);
            }
        }
    }

    /// The direction of the longer unfinished message.
    pub(super) fn longest(&self) -> Direction {
        let [client, app] =
            [Direction::ToServer, Direction::ToClient].map(|side| self.unfinished_bytes(side));
        if app > client { Direction::ToClient } else { Direction::ToServer }
    }

    /// What is left once nothing is read any more: the application's frames, to let the one in flight end.
    pub(super) fn into_tracker(self, mode: Mode) -> Tracker {
        self.app.into_tracker(mode)
    }
}

/// Lets the application's frames pass, as far as they are sound.
fn follow(tracker: &mut Tracker, bytes: &[u8], out: &mut Outbox) -> Result<(), CloseReason> {
    let passed = tracker.advance(bytes).map_err(|error| refuse(error, out))?;
    out.release(Direction::ToClient, passed);
    Ok(())
}

fn refuse((sound, violation): (usize, ProtocolViolation), out: &mut Outbox) -> CloseReason {
    out.release(Direction::ToClient, sound);
    CloseReason::ProtocolError(violation)
}

impl App {
    fn into_tracker(self, mode: Mode) -> Tracker {
        match self {
            Self::Followed(tracker) => tracker,
            Self::Read(reader) => reader.into_tracker(mode),
        }
    }
}
