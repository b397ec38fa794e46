//! Which encodings were undone to reach a value.

/// One encoding that was undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// `%27` (RFC 3986 §2.1), and `+` for a blank in URL-encoded forms.
    Percent,
    /// `%u0027`, as IIS and old browsers write it.
    PercentU,
    /// A character in more bytes than UTF-8 allows (`C0 AF` for `/`; RFC 3629 §3).
    Overlong,
    /// `\u0027`, `\u{27}`, `\x27` and `\47`, as JavaScript and JSON write characters.
    Escape,
    /// `&#39;`, `&#x27;`, `&quot;` (HTML, character references).
    Entity,
    /// Base64 or base64url (RFC 4648).
    Base64,
    /// Hexadecimal digits.
    Hex,
    /// JSON within a string.
    Json,
    /// URL-encoded parameters within a string.
    Form,
    /// XML within a string.
    Xml,
    /// Full-width and look-alike characters (Unicode compatibility forms).
    Lookalike,
    /// Characters without width, and soft hyphens.
    ZeroWidth,
    /// NUL bytes.
    Nul,
    /// One byte repeated at the beginning or end.
    Padding,
}

impl Step {
    /// The name used in explanations, such as `percent`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Percent => "percent",
            Self::PercentU => "percent-u",
            Self::Overlong => "overlong",
            Self::Escape => "escape",
            Self::Entity => "entity",
            Self::Base64 => "base64",
            Self::Hex => "hex",
            Self::Json => "json",
            Self::Form => "form",
            Self::Xml => "xml",
            Self::Lookalike => "look-alike",
            Self::ZeroWidth => "zero-width",
            Self::Nul => "nul",
            Self::Padding => "padding",
        }
    }
}

/// What one round undid, in no order.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Steps {
    seen: u16,
    /// Whether it looks like hiding: no honest encoder writes so.
    hides: bool,
}

impl Steps {
    /// In the order in which a round undoes them.
    const ORDER: [Step; 8] = [
        Step::Percent,
        Step::PercentU,
        Step::Escape,
        Step::Entity,
        Step::Overlong,
        Step::Lookalike,
        Step::ZeroWidth,
        Step::Nul,
    ];

    pub(super) const fn insert(&mut self, step: Step) {
        self.seen |= 1 << step as u16;
    }

    pub(super) const fn hides(&mut self) {
        self.hides = true;
    }

    const fn contains(self, step: Step) -> bool {
        self.seen & 1 << step as u16 != 0
    }
}

/// The steps that led from a value as it stands in the message to the one that is looked at, outermost first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layers {
    steps: [Option<Step>; Self::MAX],
    /// In how many rounds encoded characters were undone.
    encoded: u8,
    hides: bool,
}

impl Layers {
    /// Most steps that are remembered; what is beyond is undone and not listed.
    pub(crate) const MAX: usize = 12;

    /// Adds a step, the innermost so far.
    pub(crate) fn push(&mut self, step: Step) {
        if let Some(free) = self.steps.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(step);
        }
    }

    /// Adds what a round undid.
    pub(super) fn add(&mut self, steps: Steps) {
        for step in Steps::ORDER.into_iter().filter(|step| steps.contains(*step)) {
            self.push(step);
        }
        let characters = [Step::Percent, Step::PercentU, Step::Escape, Step::Entity];
        self.encoded += u8::from(characters.into_iter().any(|step| steps.contains(step)));
        self.hides |= steps.hides;
    }

    /// Whether the value stands as it does in the message.
    pub(crate) const fn is_empty(&self) -> bool {
        self.steps[0].is_none()
    }

    /// Whether this encoding was undone.
    pub(crate) fn contains(&self, step: Step) -> bool {
        self.steps.contains(&Some(step))
    }

    /// Whether characters were encoded within characters that were encoded.
    pub(crate) const fn is_double(&self) -> bool {
        self.encoded >= 2
    }

    /// Whether the encoding is one that nobody uses but to hide something: overlong UTF-8, encoded letters, characters
    /// without width between letters, look-alikes of letters and quotes.
    pub(crate) const fn is_hiding(&self) -> bool {
        self.hides
    }

    /// The steps, outermost first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Step> {
        self.steps.iter().flatten().copied()
    }
}
