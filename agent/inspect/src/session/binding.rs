//! The rules that hold for one WebSocket.

use std::{sync::Arc, time::Instant};

use crate::{
    direction::Direction,
    http::Handshake,
    rules::{Bound, ConnectionFacts, LiveRules, RuleSet},
    session::Link,
};

/// What is kept of a connection to judge it by rules, also by those that come later.
#[derive(Debug)]
pub(super) struct Binding {
    link: Link,
    opened: Instant,
    handshake: Handshake,
    /// When the rules were looked at: [`LiveRules::generation`].
    generation: u64,
    /// `None`: they have nothing to say.
    bound: Option<Box<Bound>>,
}

impl Binding {
    pub(super) fn new(link: Link, opened: Instant, handshake: Handshake, live: &LiveRules) -> Self {
        let generation = live.generation();
        let bound = bind(&live.current(), link, opened, &handshake).map(Box::new);
        Self { link, opened, handshake, generation, bound }
    }

    /// The sub-protocol that the application chose.
    pub(super) fn subprotocol(&self) -> Option<&str> {
        self.handshake.subprotocol()
    }

    /// Goes over to the rules that are in force now.
    pub(super) fn refresh(&mut self, live: &LiveRules) {
        if live.generation() != self.generation {
            *self = Self::new(self.link, self.opened, self.handshake.clone(), live);
        }
    }

    /// Whether rules or limits may have something to say about the messages of a direction.
    pub(super) fn asks_about(&self, direction: Direction) -> bool {
        self.bound.as_deref().is_some_and(|bound| bound.asks_about(direction))
    }

    /// What messages are judged by, if there are rules.
    pub(super) fn bound(&self) -> Option<&Bound> {
        self.bound.as_deref()
    }

    /// Approximate memory in bytes.
    pub(super) fn buffered_bytes(&self) -> usize {
        self.handshake.len()
    }
}

/// What rules have to say about a connection; `None` if that is nothing. Of a handshake that was not answered yet it is
/// presumed that the answer will be yes.
pub(super) fn bind(set: &Arc<RuleSet>, link: Link, opened: Instant, handshake: &Handshake) -> Option<Bound> {
    let facts = ConnectionFacts {
        client: link.client,
        port: link.port,
        scheme: link.scheme,
        handshake: Some(handshake),
        response_code: 101,
        opened,
        connection: link.connection,
    };
    (!set.is_plain()).then(|| set.bind(&facts))
}
