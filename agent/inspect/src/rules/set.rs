//! A loaded set of rules, and what of it is known with a connection.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    sync::{
        Arc, LazyLock, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use super::{
    complaint::{Complaint, Warning},
    condition::Subject,
    counts::KeyHash,
    field::{Field, Multi, normal_path},
    index::{Answers, Bit, GroupId},
    item::Item,
    list::Loader,
    net::counted,
    number::Number,
    parse::{Parsed, parse},
    program::{Compiler, Expr, Facts, Questions},
    redaction::Redaction,
    rule::{Heading, Key, LogPolicy, SignalPolicy},
    test::{TextValue, Value},
    text_map::TextMap,
    warning::warnings,
};
use crate::{direction::Direction, http::Handshake};

/// Rules as they run. Cheap to share; connections bind it.
#[derive(Debug)]
pub struct RuleSet {
    pub(super) parsed: Parsed,
    pub(super) questions: Questions,
    /// Exclusions, rules and limits, in this order.
    pub(super) statements: Vec<Statement>,
    /// For each question about content the statements that may hold because of it.
    pub(super) woken_by: Vec<Vec<u32>>,
    /// The statements without such a question.
    pub(super) unprompted: Vec<u32>,
    /// Parameters whose values are keys of limits: their groups in the captures.
    pub(super) captures: Vec<super::param_path::ParamPattern>,
    /// The ports that something is different on.
    ports: HashSet<u16>,
    /// Plans of connections that are alike.
    plans: Mutex<HashMap<PlanKey, Weak<Plan>>>,
}

type PlanKey = (u16, Box<[u64]>);

/// An exclusion, a rule or a limit.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) expr: Expr,
    pub(super) kind: StatementKind,
    /// Whether a handshake alone can be judged by it.
    pub(super) on_handshake: bool,
    /// Whether it asks for the direction: if not, it is asked about messages of clients only.
    pub(super) names_direction: bool,
    /// How often it matched, for `log = "sampled"`.
    pub(super) times: AtomicU32,
}

/// What it is, with its place among its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StatementKind {
    Exclude(usize),
    Rule(usize),
    Limit(usize),
}

/// What is known about a connection that has become a WebSocket.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionFacts<'a> {
    /// The address of the client.
    pub client: IpAddr,
    /// The port that it connected to.
    pub port: u16,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// The request that opened it; without one, conditions on it do not hold.
    pub handshake: Option<&'a Handshake>,
    /// The status of the response.
    pub response_code: u16,
    /// When it was opened.
    pub opened: Instant,
    /// A number that no other open connection has.
    pub connection: u64,
}

/// A connection's view of a rule set.
#[derive(Clone, Debug)]
pub struct Bound {
    pub(super) set: Arc<RuleSet>,
    pub(super) plan: Arc<Plan>,
    pub(super) opened: Instant,
    pub(super) client: KeyHash,
    port: u16,
    /// For each limit its key, without the parts that come with messages; `None` if a part is missing.
    pub(super) keys: Box<[Option<KeyHash>]>,
}

/// What is decided for all connections that are alike.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) connection: Box<[u64]>,
    pub(super) policy: Vec<SignalPolicy>,
    to_server: Docket,
    to_client: Docket,
}

/// What is asked about the messages of one direction.
#[derive(Debug)]
pub(super) struct Docket {
    /// The statements that can still hold.
    pub(super) active: Box<[u64]>,
    /// Those of them that are asked about each message.
    pub(super) unprompted: Box<[u64]>,
    pub(super) needs_params: bool,
    pub(super) needs_text: bool,
    /// Whether there is anything that decides or counts: exclusions alone do not.
    decides: bool,
}

impl Plan {
    pub(super) const fn docket(&self, direction: Direction) -> &Docket {
        match direction {
            Direction::ToServer => &self.to_server,
            Direction::ToClient => &self.to_client,
        }
    }
}

pub(super) fn is_set(bits: &[u64], bit: usize) -> bool {
    bits.get(bit / 64).is_some_and(|word| word & (1 << (bit % 64)) != 0)
}

fn set(bits: &mut [u64], bit: usize) {
    if let Some(word) = bits.get_mut(bit / 64) {
        *word |= 1 << (bit % 64);
    }
}

impl Bound {
    /// Whether rules or limits may have something to say about the messages of a direction, besides the policy for signals.
    pub fn asks_about(&self, direction: Direction) -> bool {
        self.plan.docket(direction).decides
    }

    /// Whether a statement is for this port.
    pub(super) fn is_on_port(&self, heading: &Heading) -> bool {
        heading.is_on_port(self.port)
    }
}

impl RuleSet {
    /// Reads rule files, each with its name and its text, in order; `unix_s` is the time in seconds since 1970.
    ///
    /// # Errors
    ///
    /// All mistakes that were found, in order: a set is loaded as a whole or not at all.
    pub fn load(
        files: &[(&str, &str)],
        loader: Loader<'_>,
        unix_s: u64,
    ) -> Result<(Arc<Self>, Vec<Warning>), Vec<Complaint>> {
        let parsed = parse(files, loader)?;
        let warnings = warnings(&parsed, files, unix_s);
        let whole = |message| vec![super::complaint::Source::new("rules", "").complaint(0..0, message)];
        let set = Self::compile(parsed).map_err(whole)?;
        Ok((Arc::new(set), warnings))
    }

    /// The rules of a daemon without rule files: only the policy for signals.
    pub fn empty() -> Arc<Self> {
        static EMPTY: LazyLock<Arc<RuleSet>> = LazyLock::new(|| {
            let nothing = RuleSet::load(&[], &|_, _| Ok(String::new()), 0);
            nothing.expect("nothing is read, so nothing is wrong").0
        });
        Arc::clone(&EMPTY)
    }

    /// What is not shown in events.
    pub fn redaction(&self) -> &Redaction {
        &self.parsed.redaction
    }

    /// For how many keys [`Counts`](super::Counts) are to be made, if a file says so.
    pub fn max_keys(&self) -> Option<usize> {
        self.parsed.max_keys
    }

    /// Whether all is as without any file, but for what events show: nobody need be asked.
    pub(crate) fn is_plain(&self) -> bool {
        self.statements.is_empty() && self.parsed.threshold.is_none() && self.parsed.policy.is_default()
    }

    /// How many rules, exclusions and rate limits take part.
    pub fn len(&self) -> usize {
        self.statements.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    fn compile(parsed: Parsed) -> Result<Self, String> {
        let mut compiler = Compiler::new(parsed.signals.len());
        let mut statements = Vec::new();
        let mut captures = Vec::new();
        let mut ports: HashSet<u16> = parsed.policy.ports().collect();
        let mut add = |heading: &Heading, kind, compiler: &mut Compiler| {
            if heading.is_on() {
                ports.extend(heading.ports.iter().flatten());
                let expr = heading.when.as_ref().map_or(Expr::Always, |when| compiler.compile(when));
                statements.push(Statement {
                    expr,
                    kind,
                    on_handshake: false,
                    names_direction: false,
                    times: AtomicU32::new(0),
                });
            }
        };
        for (at, exclude) in parsed.excludes.iter().enumerate() {
            add(&exclude.heading, StatementKind::Exclude(at), &mut compiler);
        }
        for (at, rule) in parsed.rules.iter().enumerate() {
            add(&rule.heading, StatementKind::Rule(at), &mut compiler);
        }
        for (at, limit) in parsed.limits.iter().enumerate() {
            add(&limit.heading, StatementKind::Limit(at), &mut compiler);
            for key in &limit.keys {
                if let Key::Param(pattern) = key
                    && !captures.contains(pattern)
                {
                    captures.push(pattern.clone());
                }
            }
        }
        for (slot, pattern) in captures.iter().enumerate() {
            compiler.capture(pattern, slot);
        }
        let questions = compiler.finish()?;
        let mut woken_by = vec![Vec::new(); questions.content.len()];
        let mut unprompted = Vec::new();
        let mut uses = vec![0_usize; questions.content.len()];
        for statement in &statements {
            statement.expr.each(&mut |part| {
                if let Expr::Content(bit) = part
                    && let Some(uses) = uses.get_mut(*bit as usize)
                {
                    *uses += 1;
                }
            });
        }
        for (at, statement) in statements.iter_mut().enumerate() {
            statement.on_handshake = judges_handshakes(statement, &questions);
            statement.names_direction = names_direction(&statement.expr, &questions);
            let number = u32::try_from(at).map_err(|_| "too many rules".to_owned())?;
            let acts_on_all = match statement.kind {
                StatementKind::Limit(limit) => {
                    parsed.limits.get(limit).is_some_and(|limit| limit.acts_on_all)
                }
                StatementKind::Exclude(_) | StatementKind::Rule(_) => false,
            };
            match statement.expr.triggers(&uses) {
                Some(mut bits) if !acts_on_all => {
                    bits.sort_unstable();
                    bits.dedup();
                    for bit in bits {
                        if let Some(woken) = woken_by.get_mut(bit as usize) {
                            woken.push(number);
                        }
                    }
                }
                Some(_) | None => unprompted.push(number),
            }
        }
        Ok(Self {
            parsed,
            questions,
            statements,
            woken_by,
            unprompted,
            captures,
            ports,
            plans: Mutex::default(),
        })
    }

    pub(super) fn heading(&self, kind: StatementKind) -> Option<&Heading> {
        match kind {
            StatementKind::Exclude(at) => self.parsed.excludes.get(at).map(|exclude| &exclude.heading),
            StatementKind::Rule(at) => self.parsed.rules.get(at).map(|rule| &rule.heading),
            StatementKind::Limit(at) => self.parsed.limits.get(at).map(|limit| &limit.heading),
        }
    }

    /// Decides what can be decided about a connection.
    pub fn bind(self: &Arc<Self>, facts: &ConnectionFacts<'_>) -> Bound {
        let mut answers = Answers::default();
        answers.reset(self.questions.connection.len(), self.questions.on_connection.literals());
        self.ask_connection(facts, &mut answers);
        let client = KeyHash::of(counted(facts.client));
        let keys =
            self.parsed.limits.iter().map(|limit| limit_key(&limit.heading.id, &limit.keys, client, facts));
        Bound {
            set: Arc::clone(self),
            plan: self.plan(facts.port, answers.into_bits()),
            opened: facts.opened,
            client,
            port: facts.port,
            keys: keys.collect(),
        }
    }

    fn ask_connection(&self, facts: &ConnectionFacts<'_>, answers: &mut Answers) {
        let questions = &self.questions;
        let index = &questions.on_connection;
        let group = |field: Field| questions.field(field);
        let ask = |group: Option<GroupId>, name: &[u8], value: Value<'_>, answers: &mut Answers| {
            if let Some(group) = group {
                index.ask(&Item::new(name, &[], value), &[group], answers);
            }
        };
        let number = |number: u16| Value::Number(Number::Whole(number.into()));
        ask(group(Field::ClientIp), b"", Value::Ip(facts.client), answers);
        ask(group(Field::Port), b"", number(facts.port), answers);
        ask(group(Field::ResponseCode), b"", number(facts.response_code), answers);
        let text = |field: Field, text: &str, answers: &mut Answers| {
            ask(group(field), b"", Value::Text(&TextValue::new(text.as_bytes())), answers);
        };
        text(Field::Scheme, facts.scheme, answers);
        let Some(handshake) = facts.handshake else { return };
        // What nobody asks about is not looked for.
        let asks = |field: Field| group(field).is_some();
        if asks(Field::Method) {
            text(Field::Method, handshake.method(), answers);
        }
        if asks(Field::RawPath) {
            text(Field::RawPath, handshake.path(), answers);
        }
        if asks(Field::Path) {
            let path = normal_path(handshake.path());
            ask(group(Field::Path), b"", Value::Text(&TextValue::new(&path)), answers);
        }
        if asks(Field::Host)
            && let Some(host) = handshake.host()
        {
            text(Field::Host, &without_port(&host.to_ascii_lowercase()), answers);
        }
        if asks(Field::Origin)
            && let Some(origin) = handshake.origin()
        {
            text(Field::Origin, &origin, answers);
        }
        if asks(Field::UserAgent)
            && let Some(agent) = handshake.user_agent()
        {
            text(Field::UserAgent, &agent, answers);
        }
        if let Some(subprotocol) = handshake.subprotocol() {
            text(Field::Subprotocol, subprotocol, answers);
        }
        if asks(Field::OfferedSubprotocol) {
            handshake.offered_subprotocols().for_each(|it| text(Field::OfferedSubprotocol, &it, answers));
        }
        if asks(Field::Extension) {
            handshake.offered_extensions().for_each(|it| text(Field::Extension, &it, answers));
        }
        let named = |of: Multi, one: Option<GroupId>, name: &[u8], value: &[u8], answers: &mut Answers| {
            let value = TextValue::new(value);
            let item = Item::new(name, &[], Value::Text(&value));
            for group in [one, questions.any.get(&of).copied()].into_iter().flatten() {
                index.ask(&item, &[group], answers);
            }
        };
        let asks =
            |of: Multi, map: &TextMap<Option<GroupId>>| !map.is_empty() || questions.any.contains_key(&of);
        if asks(Multi::Header, &questions.headers) {
            for (name, value) in handshake.headers() {
                let name = name.to_ascii_lowercase().into_bytes();
                let group = questions.headers.get(&name).copied().flatten();
                named(Multi::Header, group, &name, value, answers);
            }
        }
        if asks(Multi::Query, &questions.queries) {
            for (name, value) in handshake.query_parameters() {
                let group = questions.queries.get(name.as_bytes()).copied().flatten();
                named(Multi::Query, group, name.as_bytes(), value.as_bytes(), answers);
            }
        }
        if asks(Multi::Cookie, &questions.cookies) {
            for (name, value) in handshake.cookies() {
                let group = questions.cookies.get(name.as_bytes()).copied().flatten();
                named(Multi::Cookie, group, name.as_bytes(), value.as_bytes(), answers);
            }
        }
    }

    /// The plan for connections with these answers.
    fn plan(&self, port: u16, connection: Box<[u64]>) -> Arc<Plan> {
        const MAX_PLANS: usize = 4096;
        let key = (if self.ports.contains(&port) { port } else { 0 }, connection);
        // A panic of another thread leaves whole plans behind.
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = plans.get(&key).and_then(Weak::upgrade) {
            return plan;
        }
        let plan = Arc::new(self.make_plan(port, key.1.clone()));
        if plans.len() >= MAX_PLANS {
            plans.retain(|_, plan| plan.strong_count() > 0);
        }
        if plans.len() < MAX_PLANS {
            plans.insert(key, Arc::downgrade(&plan));
        }
        plan
    }

    fn make_plan(&self, port: u16, connection: Box<[u64]>) -> Plan {
        let docket = |direction| {
            self.make_docket(
                port,
                &OfDirection { connection: &connection, questions: &self.questions, direction },
            )
        };
        Plan {
            to_server: docket(Direction::ToServer),
            to_client: docket(Direction::ToClient),
            policy: self.parsed.policy.on_port(port),
            connection,
        }
    }

    fn make_docket(&self, port: u16, known: &OfDirection<'_>) -> Docket {
        let words = self.statements.len().div_ceil(64);
        let mut active = vec![0; words].into_boxed_slice();
        let mut unprompted = vec![0; words].into_boxed_slice();
        let (mut needs_params, mut needs_text, mut decides) = (false, false, false);
        let to_server = known.direction == Direction::ToServer;
        for (at, statement) in self.statements.iter().enumerate() {
            let on_port = self.heading(statement.kind).is_some_and(|heading| heading.is_on_port(port));
            let acts_on_all = match statement.kind {
                StatementKind::Limit(limit) => {
                    self.parsed.limits.get(limit).is_some_and(|limit| limit.acts_on_all)
                }
                StatementKind::Exclude(_) | StatementKind::Rule(_) => false,
            };
            let is_concerned = match to_server {
                true => acts_on_all || statement.expr.decide(known) != Some(false),
                false => statement.names_direction && statement.expr.decide(known) != Some(false),
            };
            if !on_port || !is_concerned {
                continue;
            }
            set(&mut active, at);
            decides |= !matches!(statement.kind, StatementKind::Exclude(_));
            statement.expr.each(&mut |part| {
                let Expr::Content(bit) = part else { return };
                match self.questions.content.get(*bit as usize).map(|atom| &atom.subject) {
                    Some(Subject::Param(_) | Subject::Some { of: Multi::Param, .. }) => needs_params = true,
                    Some(Subject::Field(_)) => needs_text = true,
                    Some(
                        Subject::Header(_)
                        | Subject::Query(_)
                        | Subject::Cookie(_)
                        | Subject::Signal { .. }
                        | Subject::Some { .. },
                    )
                    | None => {}
                }
            });
            if let StatementKind::Limit(limit) = statement.kind {
                let limit = self.parsed.limits.get(limit);
                needs_params |=
                    limit.is_some_and(|limit| limit.keys.iter().any(|key| matches!(key, Key::Param(_))));
            }
        }
        for at in &self.unprompted {
            if is_set(&active, *at as usize) {
                set(&mut unprompted, *at as usize);
            }
        }
        Docket { active, unprompted, needs_params, needs_text, decides }
    }
}

/// Only what is known with the connection.
pub(super) struct OnlyConnection<'a>(pub(super) &'a [u64]);

impl Facts for OnlyConnection<'_> {
    fn connection(&self, bit: Bit) -> Option<bool> {
        Some(is_set(self.0, bit as usize))
    }

    fn message(&self, _: Bit) -> Option<bool> {
        None
    }

    fn content(&self, _: Bit) -> Option<bool> {
        None
    }
}

/// What is known of every message of one direction on a connection.
struct OfDirection<'a> {
    connection: &'a [u64],
    questions: &'a Questions,
    direction: Direction,
}

impl Facts for OfDirection<'_> {
    fn connection(&self, bit: Bit) -> Option<bool> {
        Some(is_set(self.connection, bit as usize))
    }

    fn message(&self, bit: Bit) -> Option<bool> {
        let atom = self.questions.message.get(bit as usize)?;
        let direction = TextValue::new(self.direction.as_str().as_bytes());
        asks_direction(&atom.subject).then(|| atom.test.holds(Value::Text(&direction)))
    }

    fn content(&self, _: Bit) -> Option<bool> {
        None
    }
}

const fn asks_direction(subject: &Subject) -> bool {
    matches!(subject, Subject::Field(Field::Direction))
}

fn names_direction(expr: &Expr, questions: &Questions) -> bool {
    let mut names = false;
    expr.each(&mut |part| {
        if let Expr::Message(bit) = part {
            let atom = questions.message.get(*bit as usize);
            names |= atom.is_some_and(|atom| asks_direction(&atom.subject));
        }
    });
    names
}

/// A rule that asks for nothing that only messages or the answer to the request have is asked about the handshake, too.
fn judges_handshakes(statement: &Statement, questions: &Questions) -> bool {
    let mut judges = match statement.kind {
        StatementKind::Exclude(_) | StatementKind::Rule(_) => true,
        // They count messages.
        StatementKind::Limit(_) => false,
    };
    statement.expr.each(&mut |part| match part {
        Expr::Message(_) => judges = false,
        Expr::Content(bit) => {
            let subject = questions.content.get(*bit as usize).map(|atom| &atom.subject);
            judges &=
                matches!(subject, Some(Subject::Signal { .. } | Subject::Some { of: Multi::Signal, .. }));
        }
        Expr::Connection(bit) => {
            let subject = questions.connection.get(*bit as usize).map(|atom| &atom.subject);
            judges &= !matches!(subject, Some(Subject::Field(Field::Subprotocol | Field::ResponseCode)));
        }
        Expr::Always | Expr::All(_) | Expr::Any(_) | Expr::Not(_) => {}
    });
    judges
}

/// The host without its port, `[::1]:80` too.
fn without_port(host: &str) -> String {
    let end = match host.rfind(':') {
        Some(colon) if host.rfind(']').is_none_or(|bracket| bracket < colon) => colon,
        Some(_) | None => host.len(),
    };
    host.get(..end).unwrap_or(host).to_owned()
}

/// What of a limit's key is known with the connection.
fn limit_key(id: &str, keys: &[Key], client: KeyHash, facts: &ConnectionFacts<'_>) -> Option<KeyHash> {
    let mut hash = KeyHash::of(id);
    for key in keys {
        let part = match key {
            Key::ClientIp => client,
            Key::Connection => KeyHash::of(facts.connection),
            Key::Header(name) => KeyHash::of(facts.handshake?.values(name).next()?),
            Key::Cookie(name) => {
                let (_, value) = facts.handshake?.cookies().find(|(cookie, _)| cookie == name)?;
                KeyHash::of(value.as_bytes())
            }
            Key::Param(_) => continue,
        };
        hash = hash.and(part);
    }
    Some(hash)
}

/// Whether the n-th match is worth an event.
pub(super) fn is_sampled(policy: LogPolicy, times: &AtomicU32) -> bool {
    match policy {
        LogPolicy::All => true,
        LogPolicy::Sampled => times.fetch_add(1, Ordering::Relaxed).is_multiple_of(100),
        LogPolicy::None => false,
    }
}
