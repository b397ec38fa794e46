//! Fragments and statements that only attacks consist of, by their tokens.

use super::{Short, TOKENS};
use crate::detect::sqli::{token::Kind, word::Word};

impl Short<'_> {
    /// What the value is as it stands.
    pub(super) fn fragment(&self) -> Option<&'static str> {
        use Kind::{
            Close, Comma, Comment, Compare, Conjunction, Number, Open, Operator, Semicolon, Text, Variable,
        };
        let mut kinds = [Kind::Other; TOKENS];
        for (slot, token) in kinds.iter_mut().zip(self.tokens) {
            *slot = token.kind;
        }
        let tiny = self.value.len() <= 24;
        match kinds.get(..self.tokens.len()).unwrap_or_default() {
            [Number, Kind::Word(Word::Conjunction) | Conjunction, Number] if self.same(0, 2) => {
                Some("a number joined with itself")
            }
            [Number, Kind::Word(Word::Conjunction), Number] if self.is(1, "xor") => {
                Some("a number joined with itself")
            }
            [Number, Kind::Word(Word::Operator), Number] if self.is(1, "div") => {
                Some("a number divided in words")
            }
            [Number, Kind::Word(Word::Compare), Number]
            | [Number, Kind::Word(Word::Compare), Kind::Word(Word::Compare), Number]
            | [Number, Kind::Word(Word::Compare), Kind::Word(Word::Constant)]
            | [Number, Kind::Word(Word::Compare), Kind::Word(Word::Prefix), Kind::Word(Word::Constant)]
            | [Number, Kind::Word(Word::Compare), Text { .. }]
                if !self.is(1, "contains") && !self.is(1, "in") && !self.is(1, "match") =>
            {
                Some("a number compared in words")
            }
            [Number, Kind::Word(Word::Compare), Open, Number, rest @ ..]
                if self.is(1, "in") && rest.iter().all(|kind| matches!(kind, Comma | Number | Close)) =>
            {
                Some("a number compared in words")
            }
            [Number, Kind::Word(Word::Conjunction) | Conjunction, Kind::Word(Word::Constant)] => {
                Some("a number joined with a constant")
            }
            [Number, Operator, Kind::Word(Word::Constant)] => Some("a number and a constant"),
            [
                Number,
                Kind::Word(Word::Conjunction),
                Kind::Word(Word::Info | Word::Object),
                Compare | Kind::Word(Word::Compare),
                ..,
            ] if self.is(2, "user") || matches!(kinds.get(2), Some(Kind::Word(Word::Info))) => {
                Some("a number, then a question to the server")
            }
            [Number, Kind::Word(Word::Limit), Number, ..] if self.is(1, "limit") => {
                Some("a number, then LIMIT")
            }
            [Number, Kind::Word(Word::Sort), Kind::Word(Word::By), Kind::Name | Kind::Word(_)] => {
                Some("a number, then ORDER BY a name")
            }
            [Number, Kind::Word(Word::Execute), Kind::Name | Kind::Word(_), ..]
                if self.starts(2, "sp_") || self.starts(2, "xp_") =>
            {
                Some("a number, then a procedure")
            }
            [Number, Kind::Word(Word::Into), Variable] => Some("a number, then INTO"),
            [Number, Kind::Word(Word::Wait), Open, ..] => Some("a number, then a function that waits"),
            [Number, Comment] | [Number, Comment, Operator]
                if !self.is(1, "#") && self.tokens.first().is_some_and(|token| token.end < 6) =>
            {
                Some("a number, rest commented out")
            }
            [Kind::Word(Word::Limit), Number, Comma, Number, ..]
            | [Kind::Word(Word::Limit), Number, Kind::Word(Word::Limit), Number, ..]
            | [Kind::Word(Word::Limit), Number, Comment]
                if tiny && self.is(0, "limit") =>
            {
                Some("nothing but LIMIT")
            }
            [Kind::Word(Word::Where), Number | Text { .. }, Compare, Number | Text { .. }, ..]
                if self.same(1, 3) =>
            {
                Some("nothing but WHERE with equal literals")
            }
            [
                Kind::Word(Word::As),
                Kind::Name,
                Kind::Word(Word::Where),
                Number | Text { .. },
                Compare,
                ..,
            ] => Some("nothing but WHERE with equal literals"),
            [Kind::Word(Word::Conjunction), Kind::Name, Compare, Kind::Name] if self.value.len() <= 8 => {
                Some("nothing but AND or OR with names compared")
            }
            [Kind::Word(Word::Compare), Text { .. }] if self.is(0, "like") && self.value.contains(&b'%') => {
                Some("nothing but LIKE")
            }
            [Kind::Word(Word::Sort), Kind::Word(Word::By), Number, Kind::Word(Word::Direction)]
            | [
                Kind::Word(Word::Sort),
                Kind::Word(Word::By),
                Kind::Name | Kind::Word(Word::Text),
                Open,
                Close,
            ] if tiny => Some("nothing but ORDER BY"),
            [Kind::Name, Compare, Number] if self.is(0, "rownum") => Some("nothing but a number of rows"),
            [
                Kind::Name | Kind::Word(_),
                Compare,
                Kind::Name | Number,
                Kind::Word(Word::Conjunction),
                Number,
                Compare,
                Number,
            ] if self.same(4, 6) && self.is(3, "or") => Some("a comparison, then equal literals"),
            [Kind::Word(Word::Info | Word::Object), Open, Close, Comment | Compare, ..] => {
                Some("nothing but a question to the server")
            }
            [
                Kind::Word(Word::Text),
                Open,
                Kind::Word(Word::Text),
                Open,
                Kind::Word(Word::Info | Word::Object),
                Open,
                Close,
                ..,
            ] => Some("nothing but a question to the server"),
            [Kind::Word(Word::Execute), Kind::Name | Kind::Word(_), ..]
                if self.starts(1, "sp_") || self.starts(1, "xp_") || self.is(1, "xp") || self.is(1, "sp") =>
            {
                Some("a procedure of the server")
            }
            [Kind::Word(Word::Execute), Kind::Name, Text { .. }] if self.is(1, "immediate") => {
                Some("runs a text as a statement")
            }
            [
                Kind::Word(Word::OtherVerb),
                Kind::Word(Word::Object) | Kind::Name,
                Kind::Name | Kind::Word(_),
                ..,
            ] if self.is(0, "backup")
                && (self.is(1, "database") || self.is(1, "log"))
                && self.has(Compare) =>
            {
                Some("writes a backup")
            }
            [
                Kind::Word(Word::OtherVerb),
                Kind::Name,
                Kind::Name | Kind::Word(Word::From),
                Text { .. } | Operator,
                ..,
            ] if self.is(0, "copy") && (self.is(2, "from") || self.is(2, "to")) => Some("copies a file"),
            [Kind::Word(Word::OtherVerb), Open, Kind::Word(Word::Select), ..] if self.is(0, "copy") => {
                Some("copies a file")
            }
            [Kind::Word(Word::OtherVerb), Kind::Name, ..]
                if self.is(0, "load")
                    && self.is(1, "data")
                    && (self.is(2, "infile") || self.is(3, "infile")) =>
            {
                Some("loads a file")
            }
            [Kind::Word(Word::OtherVerb), Kind::Word(Word::Object), Text { .. }, ..]
                if self.is(0, "attach") =>
            {
                Some("attaches a file")
            }
            [Kind::Word(Word::Shutdown), Kind::Word(Word::Preface), Kind::Name, ..]
                if self.is(2, "nowait") =>
            {
                Some("stops the server")
            }
            [Kind::Word(Word::OtherVerb), rest @ ..]
                if (self.is(0, "grant") || self.is(0, "revoke"))
                    && rest.len() >= 3
                    && self.is_privilege(1)
                    && (2..rest.len()).any(|at| self.is(at, "to") || self.is(at, "from")) =>
            {
                Some("gives rights away")
            }
            [Kind::Word(Word::Define), Kind::Word(Word::Object), Kind::Name | Kind::Word(_), ..]
                if (self.is(0, "drop") || self.is(0, "truncate"))
                    && ["table", "database", "schema", "view", "login"]
                        .iter()
                        .any(|object| self.is(1, object))
                    && self.ends_here(3) =>
            {
                Some("a statement that destroys")
            }
            [Kind::Word(Word::Declare), Variable, Kind::Name | Kind::Word(_), ..]
                if self.value.len() <= 64 =>
            {
                Some("nothing but a declaration")
            }
            [Kind::Word(Word::Select), rest @ .., Comment]
                if rest.contains(&Kind::Word(Word::From))
                    || matches!(rest, [Number | Kind::Word(Word::Constant), ..]) =>
            {
                Some("a statement, rest commented out")
            }
            [
                Kind::Word(Word::Select),
                ..,
                Number | Text { .. },
                Kind::Word(Word::Conjunction),
                Number,
                Compare,
                Number,
            ] if self.equal_at_end() => Some("a statement with equal literals behind OR"),
            [
                Kind::Word(Word::Select),
                ..,
                Text { .. },
                Kind::Word(Word::Conjunction),
                Text { .. },
                Compare,
                Text { .. },
            ] if self.equal_at_end() => Some("a statement with equal literals behind OR"),
            [Kind::Word(Word::Select), .., Kind::Word(Word::Into), Kind::Word(Word::File), Text { .. }] => {
                Some("a statement that writes a file")
            }
            [Kind::Word(Word::Select), Variable, ..] if self.starts(1, "@@") && tiny => {
                Some("nothing but a question to the server")
            }
            [Kind::Word(Word::Select), Number | Kind::Word(Word::Constant), Comma, rest @ ..]
                if rest.iter().all(|kind| matches!(kind, Number | Comma | Kind::Word(Word::Constant))) =>
            {
                Some("nothing but numbers selected")
            }
            [Kind::Word(Word::Select), _, Kind::Word(Word::From), Kind::Word(Word::Other)]
                if self.is(3, "dual") =>
            {
                Some("nothing but numbers selected")
            }
            [Kind::Word(Word::Select), Kind::Word(Word::Text), Open, Number | Text { .. }, Close]
                if ["char", "chr", "ascii", "hex", "unhex"].iter().any(|name| self.is(1, name)) =>
            {
                Some("nothing but text spelled in numbers")
            }
            [
                Kind::Word(Word::Select),
                Kind::Word(Word::If | Word::Text | Word::Case),
                Open | Kind::Word(Word::When),
                Number | Text { .. },
                Compare,
                Number | Text { .. },
                ..,
            ] if self.same(3, 5) => Some("equal literals selected"),
            [
                Kind::Word(Word::Select),
                _,
                Kind::Word(Word::From),
                Kind::Name,
                Kind::Word(Word::Where),
                Number,
                Compare,
                Number,
            ] if self.same(5, 7) => Some("a statement with nothing but equal literals"),
            [Kind::Word(Word::Select), rest @ ..]
                if self.value.len() <= 64 && self.asks_secrets(rest.len()) =>
            {
                Some("passwords selected")
            }
            [Kind::Word(Word::If), Kind::Word(Word::Prefix), Open, Kind::Word(Word::Select), ..]
                if self.is(1, "exists") && !self.has(Kind::Word(Word::Define)) =>
            {
                Some("nothing but a condition")
            }
            [Number, Close, Kind::Word(Word::From | Word::Where), Kind::Name, ..] => {
                Some("a number and a parenthesis closed")
            }
            [rest @ .., Comment]
                if rest.contains(&Open)
                    && rest.contains(&Number)
                    && rest.iter().all(|kind| matches!(kind, Open | Number | Close)) =>
            {
                Some("a number, rest commented out")
            }
            [Conjunction, Text { open: true }] => Some("string joined and opened again"),
            [Kind::Word(Word::Conjunction), Number | Kind::Word(Word::Constant)]
                if self.value.get(..2).is_some_and(|word| word.iter().all(u8::is_ascii_uppercase)) =>
            {
                Some("nothing but AND or OR with a constant")
            }
            [Number, Kind::Word(Word::Conjunction), Number] if self.is(2, "0") && !self.is(0, "1") => {
                Some("a number joined with nothing")
            }
            [Number, Kind::Word(Word::Compare), Number, Kind::Word(Word::Conjunction), Number]
                if self.is(1, "between") && self.is(3, "and") && tiny =>
            {
                Some("a number compared in words")
            }
            [Kind::Word(Word::Waitfor), _, Text { .. }, ..] => Some("nothing but WAITFOR"),
            _ if self.marked() => Some("mark of a list of attacks"),
            [Open, Kind::Word(Word::Select), Kind::Word(Word::Object | Word::Info), Open, Close, Close] => {
                Some("nothing but a subquery")
            }
            [Open, Kind::Word(Word::Select), rest @ .., Close]
                if rest.contains(&Kind::Word(Word::From)) && self.closes_at_end() =>
            {
                Some("nothing but a subquery")
            }
            [Semicolon, Kind::Word(Word::If), Open | Kind::Word(Word::Prefix), ..]
            | [Semicolon, Kind::Word(Word::Begin), Kind::Word(Word::Declare), ..] => {
                Some("nothing but another statement")
            }
            [Number, Semicolon, Kind::Word(Word::Execute), ..] if self.starts(3, "sp_") => {
                Some("nothing but another statement")
            }
            [Kind::Word(Word::Select | Word::Union), ..] if self.value.starts_with(b"/*!") => {
                Some("a keyword in a comment")
            }
            _ => None,
        }
    }

    /// Whether the columns of a user table that are secret are selected.
    fn asks_secrets(&self, len: usize) -> bool {
        const SECRETS: [&str; 6] = ["password", "passwd", "pass", "pwd", "user_pass", "user_password"];
        let columns = (1..=len).take_while(|at| !self.is(*at, "from")).count();
        columns <= 5
            && columns < len
            && (1..=columns).any(|at| SECRETS.iter().any(|secret| self.is(at, secret)))
    }

    /// Words that public lists of attacks have in the place of a value.
    fn marked(&self) -> bool {
        self.tokens.len() <= 3
            && (0..self.tokens.len()).any(|at| self.is(at, "sqlvuln") || self.starts(at, "sqlattempt"))
            || self.value.len() <= 16 && self.value.ends_with(b"sqlvuln")
            || self.value.len() <= 16 && self.value.starts_with(b"'sqlattempt")
    }

    fn has(&self, kind: Kind) -> bool {
        self.tokens.iter().any(|token| token.kind == kind)
    }

    fn is_privilege(&self, at: usize) -> bool {
        [
            "all", "dba", "connect", "resource", "select", "insert", "update", "delete", "execute", "create",
            "sysdba", "drop", "alter", "file", "super",
        ]
        .iter()
        .any(|privilege| self.is(at, privilege))
    }

    fn equal_at_end(&self) -> bool {
        let len = self.tokens.len();
        len > 4 && self.same(len - 1, len - 3) && self.is(len - 4, "or")
    }

    /// Whether the parenthesis that the value begins with is closed by the last one, and no prose is inside.
    fn closes_at_end(&self) -> bool {
        let mut depth = 0_usize;
        let mut names = 0;
        for (at, token) in self.tokens.iter().enumerate() {
            match token.kind {
                Kind::Open => depth += 1,
                Kind::Close => depth = depth.saturating_sub(1),
                _ => {}
            }
            names = if token.kind == Kind::Name { names + 1 } else { 0 };
            if names > 1 || depth == 0 && at + 1 < self.tokens.len() {
                return false;
            }
        }
        true
    }

    fn ends_here(&self, at: usize) -> bool {
        match self.tokens.get(at..) {
            None | Some([]) => true,
            Some([token]) => matches!(token.kind, Kind::Semicolon | Kind::Comment),
            Some([first, second]) => first.kind == Kind::Semicolon && second.kind == Kind::Comment,
            Some(_) => false,
        }
    }
}
