//! Judges the request that opens a WebSocket, with the detectors that judge its messages.

use std::ops::ControlFlow;

use crate::{
    byte_set::ByteSet,
    decode::Layers,
    detect::{Kind, Origin, Signal, Value},
    direction::Direction,
    http::{Handshake, is_unambiguous},
    payload::Place,
    rules::Trial,
    settings::Settings,
    verdict::{
        Judgement, Unit,
        court::{Court, Levels, Reached},
    },
};

/// Fields that a request has once at most (RFC 9110 §5.3). Those that the upgrade depends upon are refused elsewhere.
const SINGLE: [&str; 8] = [
    "authorization",
    "content-type",
    "from",
    "host",
    "origin",
    "referer",
    "user-agent",
    "sec-websocket-version",
];

/// Looks for attacks in the path, the query, the cookies and the fields of a request; at most one finding a signal.
pub(crate) fn examine_handshake<'a>(
    handshake: &Handshake,
    settings: &'a Settings,
    trial: Option<Trial<'a>>,
) -> Judgement {
    let mut levels = Levels::default();
    let len = handshake.len();
    let mut court = Court::new(Unit::Handshake, Direction::ToServer, len, settings, &mut levels, trial);
    let _ = hear(handshake, &mut court);
    note_anomalies(handshake, &mut court);
    court.close()
}

fn hear(handshake: &Handshake, court: &mut Court<'_>) -> ControlFlow<()> {
    let mut say = |origin, kind, part, name: &[u8], bytes: &[u8]| {
        let kinds = ByteSet::of(bytes);
        let layers = Layers::default();
        let is_plain_url = false;
        let value =
            Value { bytes, kinds, is_plain_url, kind, origin, name, layers, nested: false, parent: None };
        court.hear_value(&value, kinds, Place::handshake(part, name), Reached::default())
    };
    say(Origin::Path, Kind::Text, "path", b"", handshake.path().as_bytes())?;
    for (name, value) in handshake.query_parameters() {
        say(Origin::Query, Kind::Key, "query", name.as_bytes(), name.as_bytes())?;
        say(Origin::Query, Kind::Text, "query", name.as_bytes(), value.as_bytes())?;
    }
    for (name, value) in handshake.cookies() {
        say(Origin::Cookie, Kind::Text, "cookie", name.as_bytes(), value.as_bytes())?;
    }
    for (name, value) in handshake.headers() {
        if !name.eq_ignore_ascii_case("cookie") {
            say(Origin::Header, Kind::Text, "header", name.as_bytes(), value)?;
        }
    }
    ControlFlow::Continue(())
}

fn note_anomalies(handshake: &Handshake, court: &mut Court<'_>) {
    if handshake.user_agent().is_none_or(|agent| agent.is_empty()) {
        court.unusual(Signal::NoUa, b"", Place::handshake("header", b"user-agent"));
    }
    let path = handshake.path();
    if path.contains("//") || path.contains("/./") || !is_unambiguous(path) {
        court.unusual(Signal::AbnormalPath, path.as_bytes(), Place::handshake("path", b""));
    }
    let (mut seen, mut again) = ([false; SINGLE.len()], [false; SINGLE.len()]);
    for (name, _) in handshake.headers() {
        let known = SINGLE.iter().position(|single| name.eq_ignore_ascii_case(single));
        let slots = known.and_then(|at| Some((seen.get_mut(at)?, again.get_mut(at)?)));
        if let Some((seen, again)) = slots {
            *again |= std::mem::replace(seen, true);
        }
    }
    for (name, _) in SINGLE.iter().zip(again).filter(|(_, again)| *again) {
        let place = Place::handshake("header", name.as_bytes());
        court.unusual(Signal::DuplicateHeaders, b"", place);
    }
}
