//! What the bytes of an input mean.

use std::{
    num::NonZeroU32,
    sync::{Arc, LazyLock},
    time::Duration,
};

use framewall_inspect::{
    Budget, DeflatePolicy, Direction, Limits, Mode, OpaquePolicy, OversizePolicy, Settings,
    rules::{LiveRules, RuleSet},
};

/// Takes an input apart. What is missing at its end reads as zero.
#[derive(Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(crate) fn short(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// The next `len` bytes, or as many as there are.
    pub(crate) fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        self.take(usize::MAX)
    }
}

/// How a connection is to be played.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) settings: Settings,
    /// Where the second run of the connection splits what is fed.
    pub(crate) split: u16,
    /// The memory for unfinished messages in bytes; each run gets its own.
    pub(crate) budget: usize,
}

/// What the application must not say.
static WITHHOLDING: LazyLock<Arc<RuleSet>> = LazyLock::new(|| {
    let rules = "[[rule]]\nid = \"withheld\"\naction = \"block\"\nwhen = { all = [{ field = \"direction\", equals = \
                 \"to_client\" }, { any = [{ field = \"text\", contains = \"secret\" }, { param = \"x\", gt = 9 }] }] }\n";
    let nothing = |file: &str, _: &str| Err(format!("{file} is not here"));
    RuleSet::load(&[("rules.toml", rules)], &nothing, 0).expect("the rule is sound").0
});

impl Plan {
    /// Reads four bytes: policies, limits, split. `@@00` is mode block with limits of a few hundred bytes.
    pub(crate) fn read(input: &mut Reader<'_>) -> Self {
        let (policies, sizes) = (input.byte(), input.byte());
        let mut settings = Settings {
            mode: if policies & 0x01 != 0 { Mode::Log } else { Mode::Block },
            deflate: match policies >> 2 & 3 {
                1 => DeflatePolicy::Strip,
                2 => DeflatePolicy::Refuse,
                _ => DeflatePolicy::Inspect,
            },
            opaque: if policies & 0x10 != 0 { OpaquePolicy::Close } else { OpaquePolicy::Pass },
            limits: limits(sizes),
            ..Settings::default()
        };
        if policies & 0x02 != 0 {
            settings.limits.oversize = OversizePolicy::Pass;
        }
        if policies & 0x20 != 0 {
            settings.handshake.paths = vec!["/chat".parse().expect("a pattern")];
            settings.handshake.origins = vec!["https://*.example.org".parse().expect("a pattern")];
            settings.handshake.subprotocols = vec!["v1.chat".to_owned()];
        }
        settings.handshake.origin_required = sizes & 0x10 != 0;
        if policies & 0x80 != 0 {
            settings.rules = Arc::new(LiveRules::new(Arc::clone(&WITHHOLDING)));
            settings.detect_to_client = sizes & 0x80 != 0;
        }
        let budget = if sizes & 0x08 != 0 { 2 * Budget::STEP } else { Budget::DEFAULT_LIMIT };
        Self { settings, split: input.short(), budget }
    }

    /// The memory can run out, and where depends on the split.
    pub(crate) const fn is_scarce(&self) -> bool {
        self.budget < Budget::DEFAULT_LIMIT
    }
}

fn limits(sizes: u8) -> Limits {
    let mut limits = match sizes & 3 {
        0 => Limits {
            max_head_bytes: 400,
            max_frame_bytes: (sizes & 0x40 != 0).then_some(150),
            max_message_bytes: 200,
            max_message_fragments: 4,
            max_pipelined_requests: 2,
            max_json_depth: 3,
            max_leaves: 6,
            ..Limits::default()
        },
        1 => Limits { max_message_bytes: 20_000, ..Limits::default() },
        2 => Limits::default(),
        // Where the ratio counts, it is above a MiB.
        _ => Limits { max_message_bytes: 3 << 20, max_inflate_ratio: 20, ..Limits::default() },
    };
    if sizes & 0x04 != 0 {
        limits.max_bytes_per_second = NonZeroU32::new(700);
        limits.max_messages_per_second = NonZeroU32::new(3);
        limits.max_control_frames_per_second = NonZeroU32::new(2);
    }
    if sizes & 0x20 != 0 {
        limits.idle_timeout = Some(Duration::from_secs(5));
        limits.max_lifetime = Some(Duration::from_secs(30));
        limits.message_timeout = Some(Duration::from_secs(3));
        limits.handshake_timeout = Some(Duration::from_secs(3));
    }
    limits
}

/// One thing that happens to a connection.
#[derive(Clone, Debug)]
pub(crate) enum Turn {
    Bytes(Direction, Vec<u8>),
    Wait(Duration),
    Stall(Duration),
    Eof(Direction),
    Shutdown,
}

/// Reads turns to the end of the input: a tag, then two bytes of length or milliseconds where it has one.
pub(crate) fn turns(input: &mut Reader<'_>) -> Vec<Turn> {
    let mut turns = Vec::new();
    while !input.is_empty() {
        let turn = match input.byte() & 0x0f {
            0..=5 => Turn::Bytes(Direction::ToServer, chunk(input)),
            6..=9 => Turn::Bytes(Direction::ToClient, chunk(input)),
            10 | 11 => Turn::Wait(Duration::from_millis(input.short().into())),
            12 => Turn::Stall(Duration::from_millis(input.short().into())),
            13 => Turn::Eof(Direction::ToServer),
            14 => Turn::Eof(Direction::ToClient),
            _ => Turn::Shutdown,
        };
        turns.push(turn);
    }
    turns
}

fn chunk(input: &mut Reader<'_>) -> Vec<u8> {
    let len = input.short();
    input.take(len.into()).to_vec()
}

/// How the bytes of a turn are fed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Split {
    Whole,
    Single,
    /// Pieces of a length that this number gives.
    By(u16),
}

impl Split {
    pub(crate) fn pieces(self, bytes: &[u8]) -> Vec<&[u8]> {
        let seed = match self {
            Self::Whole => return vec![bytes],
            Self::Single => return bytes.chunks(1).collect(),
            Self::By(seed) => seed,
        };
        let mut rng = crate::mutate::Rng::new(seed.into());
        let longest = [2, 7, 40, 300][usize::from(seed % 4)];
        let mut rest = bytes;
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((1 + rng.below(longest)).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        pieces
    }
}
