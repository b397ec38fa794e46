//! Judges the request that opens a WebSocket, with the detectors that judge its messages.

use std::ops::ControlFlow;

use crate::{
    decode::Layers,
    detect::{Kind, Origin, Signal, Value},
    direction::Direction,
    http::{Handshake, is_unambiguous},
    payload::Place,
    settings::Settings,
    verdict::{Finding, Unit, examine::Court},
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
pub(crate) fn examine_handshake(handshake: &Handshake, settings: &Settings) -> Vec<Finding> {
    let mut court = Court::new(Unit::Handshake, Direction::ToServer, settings);
    let _ = hear(handshake, &mut court);
    note_anomalies(handshake, &mut court);
    court.close()
}

fn hear(handshake: &Handshake, court: &mut Court<'_>) -> ControlFlow<()> {
    let mut say = |origin, kind, part, name: &[u8], bytes: &[u8]| {
        let value = Value { bytes, kind, origin, name, layers: Layers::default(), nested: false };
        court.hear_value(&value, Place::Handshake { part, name })
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
        court.anomaly(Signal::NoUa, b"", Place::Handshake { part: "header", name: b"user-agent" });
    }
    let path = handshake.path();
    if path.contains("//") || path.contains("/./") || !is_unambiguous(path) {
        court.anomaly(Signal::AbnormalPath, path.as_bytes(), Place::Handshake { part: "path", name: b"" });
    }
    for name in SINGLE {
        if handshake.values(name).nth(1).is_some() {
            let place = Place::Handshake { part: "header", name: name.as_bytes() };
            court.anomaly(Signal::DuplicateHeaders, b"", place);
        }
    }
}
