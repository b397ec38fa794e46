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
        }
    }
}

/// The steps that led from a value as it stands in the message to the one that is looked at, outermost first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layers {
    steps: [Option<Step>; Self::MAX],
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

    /// Whether the value stands as it does in the message.
    pub(crate) const fn is_empty(&self) -> bool {
        self.steps[0].is_none()
    }

    /// Whether this encoding was undone.
    pub(crate) fn contains(&self, step: Step) -> bool {
        self.steps.contains(&Some(step))
    }

    /// The steps, outermost first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Step> {
        self.steps.iter().flatten().copied()
    }
}
