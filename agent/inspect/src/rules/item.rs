//! One of several values, and conditions on it.

use std::cell::{OnceCell, RefCell};

use super::{
    condition::ItemCondition,
    field::Part,
    param_path::{MAX_PATH, Segment, name_of, write_path},
    test::{TextValue, Value},
};

/// A parameter, header, cookie or signal as conditions see it.
#[derive(Debug)]
pub(super) struct Item<'a> {
    /// Empty for what has no name.
    pub(super) name: &'a [u8],
    /// Of a parameter, or of the parameter that a signal was found in.
    pub(super) path: &'a [Segment<'a>],
    pub(super) value: Value<'a>,
    /// Of a signal.
    pub(super) kind: &'static str,
    path_text: OnceCell<Vec<u8>>,
    /// Memory to write the path into.
    buffer: RefCell<Vec<u8>>,
}

impl<'a> Item<'a> {
    pub(super) const fn new(name: &'a [u8], path: &'a [Segment<'a>], value: Value<'a>) -> Self {
        Self { name, path, value, kind: "", path_text: OnceCell::new(), buffer: RefCell::new(Vec::new()) }
    }

    /// The same with memory to write the path into, to be [taken back](Self::into_buffer).
    pub(super) fn with_buffer(self, buffer: Vec<u8>) -> Self {
        self.buffer.replace(buffer);
        self
    }

    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.path_text.into_inner().unwrap_or(self.buffer.into_inner())
    }

    pub(super) fn signal(
        name: &'a [u8],
        kind: &'static str,
        path: &'a [Segment<'a>],
        value: Value<'a>,
    ) -> Self {
        Self { kind, ..Self::new(name, path, value) }
    }

    /// The path as text; a long one is cut.
    pub(super) fn path_text(&self) -> &[u8] {
        if let [Segment::Key(name)] = self.path
            && name.len() <= MAX_PATH
        {
            return name;
        }
        self.path_text.get_or_init(|| {
            let mut text = self.buffer.take();
            text.clear();
            write_path(self.path, &mut text);
            text
        })
    }
}

impl ItemCondition {
    pub(super) fn holds(&self, item: &Item<'_>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(item)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(item)),
            Self::Not(part) => !part.holds(item),
            Self::Is { part, test } => {
                let text = |bytes: &[u8]| test.holds(Value::Text(&TextValue::new(bytes)));
                match part {
                    Part::Name => text(item.name),
                    Part::Path | Part::ParamPath => text(item.path_text()),
                    Part::Value | Part::ParamValue => test.holds(item.value),
                    Part::Kind => text(item.kind.as_bytes()),
                    Part::ParamName => text(name_of(item.path)),
                }
            }
        }
    }
}
