//! What stands behind an operator, as a test.

use toml::de::DeValue;

use super::Known;
use crate::rules::{
    complaint::suggestion,
    field::FieldType,
    like::{Like, LikeForm},
    list::ListType,
    net::Net,
    number::Number,
    pattern::Pattern,
    read::{Node, Table, kind, listed},
    test::{Compare, Test},
};

/// Most bytes of all regexes together, compiled.
const MAX_REGEX_BYTES: usize = 256 * 1024 * 1024;

/// What stands behind an operator.
pub(super) struct Operand<'a> {
    pub(super) known: &'a Known<'a>,
    pub(super) table: Table<'a>,
    pub(super) operator: &'a str,
    pub(super) node: &'a Node<'a>,
    pub(super) kind: &'a FieldType,
    pub(super) fold: Option<bool>,
}

impl Operand<'_> {
    /// The test, and the operand in words.
    pub(super) fn test(&self) -> Option<(Test, String)> {
        match (self.operator, self.node.get_ref()) {
            ("in_list", _) => self.in_list(),
            ("in_net", _) => {
                let text = self.text()?;
                let net = Net::parse(text).map_err(|error| self.complain(&error)).ok()?;
                self.no_case();
                Some((Test::Net(net), format!("{text:?}")))
            }
            ("ge" | "le" | "gt" | "lt", _) | ("equals", DeValue::Integer(_) | DeValue::Float(_))
                if matches!(self.kind, FieldType::Number(_) | FieldType::Value) =>
            {
                self.number()
            }
            ("equals", DeValue::Boolean(flag)) if matches!(self.kind, FieldType::Flag | FieldType::Value) => {
                self.no_case();
                Some((Test::Flag(*flag), flag.to_string()))
            }
            ("equals", _) => match self.kind {
                FieldType::Number(_) => self.number(),
                FieldType::Flag => {
                    self.complain(&format!("{} where true or false is expected", kind(self.node.get_ref())));
                    None
                }
                FieldType::Ip => {
                    let text = self.text()?;
                    self.no_case();
                    if text.contains('/') {
                        self.complain("`equals` takes one address; for a network use `in_net`");
                        return None;
                    }
                    let net = Net::parse(text).map_err(|error| self.complain(&error)).ok()?;
                    Some((Test::Net(net), format!("{text:?}")))
                }
                FieldType::Choice(words) => {
                    let text = self.text()?;
                    self.no_case();
                    if !words.contains(&text) {
                        let hint = suggestion(text, words.iter().copied());
                        self.complain(&format!(
                            "{text:?} is not possible here{hint}; allowed are {}",
                            listed(words.iter().copied())
                        ));
                        return None;
                    }
                    Some((Test::Equals { text: text.as_bytes().into(), fold: false }, format!("{text:?}")))
                }
                FieldType::Text | FieldType::Value => self.literal(),
            },
            _ => self.literal(),
        }
    }

    fn literal(&self) -> Option<(Test, String)> {
        let text = self.text()?;
        let fold = self.fold == Some(true);
        let words = format!("{text:?}");
        if text.is_empty() && self.operator != "equals" {
            self.complain(&format!(
                "`{}` with an empty text holds for every value; use `exists`",
                self.operator
            ));
            return None;
        }
        // The case of letters beyond ASCII is what regexes know.
        let regex = |begin: &str, end: &str| {
            self.known.regex(
                self.table,
                self.node,
                &format!("(?s){begin}{}{end}", regex_syntax::escape(text)),
                true,
            )
        };
        let beyond_ascii = fold && !text.is_ascii();
        let literal = || -> Box<[u8]> {
            if fold { text.to_ascii_lowercase().into_bytes().into() } else { text.as_bytes().into() }
        };
        let test = match self.operator {
            "equals" if beyond_ascii => regex("\\A", "\\z")?,
            "contains" if beyond_ascii => regex("", "")?,
            "starts_with" if beyond_ascii => regex("\\A", "")?,
            "ends_with" if beyond_ascii => regex("", "\\z")?,
            "equals" => Test::Equals { text: literal(), fold },
            "contains" => Test::Contains { text: literal(), fold },
            "starts_with" => Test::StartsWith { text: literal(), fold },
            "ends_with" => Test::EndsWith { text: literal(), fold },
            "like" => match Like::parse(text, fold).map_err(|error| self.complain(&error)).ok()? {
                LikeForm::Pieces(like) => match like.exact() {
                    Some(text) => Test::Equals { text: text.into(), fold },
                    None => Test::Like { like, fold },
                },
                LikeForm::Regex(regex) => self.known.regex(self.table, self.node, &regex, fold)?,
            },
            _ => self.known.regex(self.table, self.node, text, fold)?,
        };
        Some((test, words))
    }

    fn number(&self) -> Option<(Test, String)> {
        self.no_case();
        let number = match self.node.get_ref() {
            DeValue::Integer(_) => {
                let any = i64::MIN..=i64::MAX;
                let allowed = if let FieldType::Number(allowed) = self.kind { allowed } else { &any };
                let what = format!("`{}`", self.operator);
                Number::Whole(self.table.reader.integer(self.node, &what, allowed)?)
            }
            DeValue::Float(float) if *self.kind == FieldType::Value => {
                let digits = float.as_str();
                let Some(number) = Number::parse(digits.as_bytes()) else {
                    self.complain(&format!("{digits} is not a number that a message can hold"));
                    return None;
                };
                number
            }
            other @ (DeValue::String(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_)) => {
                self.complain(&format!("{} where a number is expected", kind(other)));
                return None;
            }
        };
        let compare = match self.operator {
            "ge" => Compare::Ge,
            "le" => Compare::Le,
            "gt" => Compare::Gt,
            "lt" => Compare::Lt,
            _ => Compare::Equals,
        };
        Some((Test::Number(compare, number), number.to_string()))
    }

    fn in_list(&self) -> Option<(Test, String)> {
        let name = self.text()?;
        let mut lists = self.known.lists.borrow_mut();
        let Some(list) = lists.get_mut(name) else {
            if !self.known.partial {
                let hint = suggestion(name, lists.keys().map(String::as_str));
                self.complain(&format!("there is no list `{name}`{hint}; write it as `[lists.{name}]`"));
            }
            return None;
        };
        let fitting = match self.kind {
            FieldType::Text => matches!(list.kind, ListType::String | ListType::Wildcard | ListType::Signal),
            FieldType::Ip => list.kind == ListType::Ip,
            FieldType::Number(_) => list.kind == ListType::Number,
            FieldType::Value => true,
            FieldType::Choice(_) | FieldType::Flag => false,
        };
        if !fitting {
            let (kind, value) = (list.kind.as_str(), self.kind.as_str());
            self.complain(&format!("`{name}` is a list of type `{kind}`, which {value} is never in"));
            return None;
        }
        if !matches!(list.kind, ListType::String | ListType::Wildcard) {
            self.no_case();
        }
        Some((list.test(self.fold == Some(true)), format!("{name:?}")))
    }

    fn text(&self) -> Option<&str> {
        self.table.reader.text(self.node, &format!("`{}`", self.operator)).map(|text| text.text)
    }

    fn no_case(&self) {
        if self.fold.is_some() {
            let message = "`ignore_case` has a meaning with texts only";
            self.table.reader.complain(self.table.key("ignore_case"), message);
        }
    }

    fn complain(&self, message: &str) {
        self.table.reader.complain(self.node.span(), message);
    }
}

impl Known<'_> {
    /// Counts a regex.
    fn regex(&self, table: Table<'_>, node: &Node<'_>, text: &str, fold: bool) -> Option<Test> {
        let pattern = match Pattern::parse(text, fold) {
            Ok(pattern) => pattern,
            Err(error) => {
                table.reader.complain(node.span(), error);
                return None;
            }
        };
        let mut bytes = self.regex_bytes.borrow_mut();
        *bytes = bytes.saturating_add(pattern.size);
        if *bytes > MAX_REGEX_BYTES {
            let most = MAX_REGEX_BYTES / 1024 / 1024;
            table.reader.complain(node.span(), format!("all regexes together take more than {most} MiB"));
            return None;
        }
        Some(Test::Matches(pattern))
    }
}
