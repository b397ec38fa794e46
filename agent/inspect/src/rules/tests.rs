//! Rules as operators write them, and what they say about messages.

use std::{
    net::IpAddr,
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value as Json;

use super::*;
use crate::{
    Opcode,
    detect::Signal,
    direction::Direction,
    http::Handshake,
    payload::{Anomaly, Leaf, Message, Place, Scratch, Subprotocol, Visitor, leaves},
};

mod documentation;
mod errors;
mod language;
mod limits;
mod properties;

/// A client, its connection and the rules.
struct World {
    set: Arc<RuleSet>,
    counts: Counts,
    scratch: RuleScratch,
    start: Instant,
    after: Duration,
    unix_s: u64,
    client: IpAddr,
    port: u16,
    scheme: String,
    target: String,
    headers: String,
    subprotocol: Option<String>,
    response_code: u16,
    connection: u64,
    facts: MessageFacts,
    found: Vec<(Signal, bool, String)>,
    explanation: String,
}

/// The date of these tests: 2026-11-22.
const TODAY: u64 = 20_779 * 86_400;

fn load(text: &str) -> (Arc<RuleSet>, Vec<Warning>) {
    RuleSet::load(&[("rules.toml", text)], &lists, TODAY).unwrap_or_else(|complaints| {
        panic!("{}\n{text}", complaints.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

/// The files of lists that tests know.
fn lists(file: &str, _from: &str) -> Result<String, String> {
    match file {
        "words.txt" => Ok("# bad words\nfoo\n\n  bar  \n".to_owned()),
        "networks.txt" => Ok("10.0.0.0/8\n2001:db8::/32\n".to_owned()),
        "broken.txt" => Ok("10.0.0.0/8\n10.1.2.3/8\nx\n".to_owned()),
        _ => Err("no such file".to_owned()),
    }
}

fn world(text: &str) -> World {
    let start = Instant::now();
    World {
        set: load(text).0,
        counts: Counts::new(None),
        scratch: RuleScratch::default(),
        start,
        after: Duration::ZERO,
        unix_s: TODAY,
        client: IpAddr::from([192, 0, 2, 1]),
        port: 8080,
        scheme: "http".to_owned(),
        target: "/".to_owned(),
        headers: String::new(),
        subprotocol: None,
        response_code: 101,
        connection: 1,
        facts: MessageFacts {
            direction: Direction::ToServer,
            opcode: Opcode::Text,
            wire_bytes: 0,
            bytes: 0,
            fragments: 1,
            index: 1,
            compressed: false,
        },
        found: Vec::new(),
        explanation: String::new(),
    }
}

impl World {
    fn bind(&self) -> Bound {
        let head = format!("GET {} HTTP/1.1\r\n{}\r\n", self.target, self.headers);
        let handshake = Handshake::new(head.into_bytes().into()).chosen(self.subprotocol.clone(), false);
        self.set.bind(&ConnectionFacts {
            client: self.client,
            port: self.port,
            scheme: &self.scheme,
            handshake: Some(&handshake),
            response_code: self.response_code,
            opened: self.start,
            connection: self.connection,
        })
    }

    fn moment(&self) -> Moment {
        Moment { now: self.start + self.after, unix_s: self.unix_s }
    }

    fn says(&mut self, message: &str) -> Decision {
        self.says_told(message, false)
    }

    /// The same as a session tells it: the text first, and where parameters stand in it.
    fn says_in_place(&mut self, message: &str) -> Decision {
        self.says_told(message, true)
    }

    fn says_told(&mut self, message: &str, in_place: bool) -> Decision {
        let bound = self.bind();
        let len = message.len() as u64;
        let facts = MessageFacts {
            bytes: if self.facts.bytes == 0 { len } else { self.facts.bytes },
            wire_bytes: if self.facts.wire_bytes == 0 { len } else { self.facts.wire_bytes },
            ..self.facts
        };
        let moment = self.moment();
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut trial = bound.begin(&mut scratch, facts, moment);
        if in_place {
            tell_in_place(&mut trial, message);
        } else {
            tell(&mut trial, message);
        }
        for (signal, firm, path) in &self.found {
            let path: Vec<_> = path.split('.').map(|key| Segment::Key(key.as_bytes())).collect();
            trial.signal(*signal, *firm, &path, b"evil");
        }
        let decision = trial.decide(&self.counts);
        self.explanation = trial.explain().to_string();
        self.scratch = scratch;
        decision
    }

    fn opens(&mut self) -> Decision {
        let bound = self.bind();
        let moment = self.moment();
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut trial = bound.begin_handshake(&mut scratch, moment);
        for (signal, firm, path) in &self.found {
            trial.signal(*signal, *firm, &[Segment::Key(path.as_bytes())], b"evil");
        }
        let decision = trial.decide(&self.counts);
        self.scratch = scratch;
        decision
    }

    fn blocks(&mut self, message: &str) -> bool {
        matches!(self.says(message).verdict, Verdict::Block(_))
    }
}

/// The leaves of JSON; other text has none.
fn tell<'a>(trial: &mut Trial<'a>, message: &'a str) {
    if let Ok(json) = serde_json::from_str::<Json>(message) {
        visit(&json, &mut Vec::new(), &mut |path, value| trial.param(path, value));
    }
    trial.text(message.as_bytes());
}

fn tell_in_place<'a>(trial: &mut Trial<'a>, message: &'a str) {
    struct Told<'t, 'a>(&'t mut Trial<'a>);
    impl Visitor for Told<'_, '_> {
        fn leaf(&mut self, _: Leaf<'_>) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }
        fn anomaly(&mut self, _: Anomaly, _: &[u8], _: Place<'_>) {}
        fn wants_values(&self) -> bool {
            true
        }
        fn value(&mut self, value: &[u8], place: Place<'_>) {
            self.0.param_at(&place, value);
        }
    }
    trial.text(message.as_bytes());
    let message = Message {
        payload: message.as_bytes(),
        is_text: true,
        whole: true,
        subprotocol: Subprotocol::Unknown,
        max_depth: 64,
    };
    leaves(message, &mut Scratch::default(), &mut Told(trial));
}

fn visit<'a>(json: &'a Json, path: &mut Vec<Segment<'a>>, tell: &mut impl FnMut(&[Segment<'_>], &[u8])) {
    match json {
        Json::Object(members) => {
            for (key, value) in members {
                path.push(Segment::Key(key.as_bytes()));
                visit(value, path, tell);
                path.pop();
            }
        }
        Json::Array(elements) => {
            for (index, value) in elements.iter().enumerate() {
                path.push(Segment::Index(index));
                visit(value, path, tell);
                path.pop();
            }
        }
        Json::String(text) => tell(path, text.as_bytes()),
        Json::Null | Json::Bool(_) | Json::Number(_) => tell(path, json.to_string().as_bytes()),
    }
}
