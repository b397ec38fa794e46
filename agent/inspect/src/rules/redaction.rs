//! Which values are not shown.

use std::{borrow::Cow, collections::HashSet, sync::LazyLock};

use memchr::memmem::Finder;

/// What a value that is hidden is shown as.
const HIDDEN: &str = "***";

/// Names of parameters, headers and cookies whose values are hidden, without case and separators.
const NAMES: [&str; 34] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "pass",
    "pin",
    "token",
    "secret",
    "authorization",
    "proxyauthorization",
    "auth",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "credentials",
    "cookie",
    "setcookie",
    "session",
    "sessionid",
    "sid",
    "jwt",
    "bearer",
    "otp",
    "card",
    "cardnumber",
    "creditcard",
    "ccnumber",
    "cvv",
    "cvc",
    "iban",
    "ssn",
    "pan",
];

/// Ends of names that say the same: `access_token`, `dbPassword`.
const ENDS: [&str; 8] =
    ["password", "passwd", "token", "secret", "apikey", "privatekey", "cardnumber", "credentials"];

/// What values are recognised as secrets by the look of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// 13 to 19 digits, with blanks or dashes between them, whose check digit is right (ISO/IEC 7812-1 annex B).
    Card,
    /// An account number whose check digits are right (ISO 13616).
    Iban,
    /// A JSON Web Token (RFC 7519).
    Jwt,
    /// A long word of letters and digits that is no word of a language.
    Token,
    /// A private key in PEM (RFC 7468).
    PrivateKey,
}

impl Shape {
    /// All shapes.
    pub const ALL: [Self; 5] = [Self::Card, Self::Iban, Self::Jwt, Self::Token, Self::PrivateKey];

    /// The name used in rule files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Iban => "iban",
            Self::Jwt => "jwt",
            Self::Token => "token",
            Self::PrivateKey => "private-key",
        }
    }
}

/// What is hidden in events.
#[derive(Clone, Debug)]
pub struct Redaction {
    names: HashSet<String>,
    ends: Vec<&'static str>,
    shapes: Vec<Shape>,
}

impl Default for Redaction {
    fn default() -> Self {
        Self {
            names: NAMES.into_iter().map(str::to_owned).collect(),
            ends: ENDS.to_vec(),
            shapes: Shape::ALL.to_vec(),
        }
    }
}

impl Redaction {
    /// Adds a name; false if it has no letters and digits.
    pub(super) fn hide(&mut self, name: &str) -> bool {
        let name = folded(name);
        let sound = !name.is_empty();
        if sound {
            self.names.insert(name);
        }
        sound
    }

    /// Takes a name out; false if it is not hidden.
    pub(super) fn show(&mut self, name: &str) -> bool {
        let name = folded(name);
        let before = self.ends.len();
        self.ends.retain(|end| *end != name);
        self.names.remove(&name) || self.ends.len() < before
    }

    /// Recognises these only.
    pub(super) fn shapes(&mut self, shapes: &[Shape]) {
        self.shapes = shapes.to_vec();
    }

    /// Whether the value of what has this name is hidden whatever it is.
    pub fn hides_name(&self, name: &str) -> bool {
        let name = folded(name);
        !name.is_empty() && (self.names.contains(&name) || self.ends.iter().any(|end| name.ends_with(end)))
    }

    /// The value without secrets: all of it hidden if it is one by its name, else the parts of it that look like one.
    pub fn redact<'a>(&self, name: &str, value: &'a str) -> Cow<'a, str> {
        if value.is_empty() {
            return Cow::Borrowed(value);
        }
        if self.hides_name(name) {
            return Cow::Borrowed(HIDDEN);
        }
        static PRIVATE_KEY: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("PRIVATE KEY-----"));
        if self.shapes.contains(&Shape::PrivateKey) && PRIVATE_KEY.find(value.as_bytes()).is_some() {
            return Cow::Borrowed(HIDDEN);
        }
        self.without_words(value)
    }

    /// Hides words, and numbers in groups.
    fn without_words<'a>(&self, value: &'a str) -> Cow<'a, str> {
        let mut out: Option<String> = None;
        let mut shown = 0;
        let mut at = 0;
        while let Some(begun) =
            value.as_bytes().get(at..).and_then(|rest| rest.iter().position(|byte| in_word(*byte)))
        {
            at += begun;
            let rest = value.get(at..).unwrap_or_default();
            let word = word_len(rest);
            match self.secret(rest, word) {
                Some(len) => {
                    let out = out.get_or_insert_with(String::new);
                    out.push_str(value.get(shown..at).unwrap_or_default());
                    out.push_str(HIDDEN);
                    shown = at + len;
                    at = shown;
                }
                None => at += word,
            }
        }
        match out {
            None => Cow::Borrowed(value),
            Some(mut out) => {
                out.push_str(value.get(shown..).unwrap_or_default());
                Cow::Owned(out)
            }
        }
    }

    /// The length of the secret that the text begins with, of which so many bytes are a word.
    fn secret(&self, text: &str, word: usize) -> Option<usize> {
        let has = |shape| self.shapes.contains(&shape);
        let is_number = text.as_bytes().first().is_some_and(u8::is_ascii_digit);
        if is_number
            && has(Shape::Card)
            && let Some(len) = card(text)
        {
            return Some(len);
        }
        if word < SHORTEST_WORD {
            return None;
        }
        let word = text.get(..word).unwrap_or_default();
        let hidden = has(Shape::Jwt) && is_jwt(word)
            || has(Shape::Iban) && is_iban(word)
            || has(Shape::Token) && is_token(word);
        hidden.then_some(word.len())
    }
}

/// Shorter words are no secrets: an account number has as many characters.
const SHORTEST_WORD: usize = 15;

/// In lower case, letters and digits only: `X-Api-Key`, `apiKey` and `api_key` are one name.
fn folded(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The length of the run of characters that tokens are made of.
fn word_len(text: &str) -> usize {
    text.as_bytes().iter().position(|byte| !in_word(*byte)).unwrap_or(text.len())
}

fn in_word(byte: u8) -> bool {
    static IN_WORD: [bool; 256] = {
        let mut table = [false; 256];
        let mut byte = 0_u8;
        while byte < 128 {
            table[byte as usize] =
                byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+' | b'=');
            byte += 1;
        }
        table
    };
    IN_WORD[usize::from(byte)]
}

/// The length of the card number that the text begins with.
fn card(text: &str) -> Option<usize> {
    let mut digits = [0_u8; 20];
    let mut count = 0;
    let mut end = 0;
    let mut separated = true;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'0'..=b'9' => {
                *digits.get_mut(count)? = byte - b'0';
                count += 1;
                end = at + 1;
                separated = false;
            }
            b' ' | b'-' if !separated => separated = true,
            _ if byte.is_ascii_alphabetic() && !separated => return None,
            _ => break,
        }
    }
    let digits = digits.get(..count)?;
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit @ 0..=4) => 2 * digit,
            (_, digit) => 2 * digit - 9,
        })
        .sum();
    let varied = digits.windows(2).any(|pair| pair[0] != pair[1]);
    ((13..=19).contains(&count) && sum.is_multiple_of(10) && varied).then_some(end)
}

/// Three parts in base64url, of which the first is the beginning of a JSON object.
fn is_jwt(word: &str) -> bool {
    let mut parts = word.split('.');
    word.starts_with("eyJ")
        && parts.by_ref().take(2).filter(|part| part.len() >= 8).count() == 2
        && parts.next().is_some()
}

/// Two letters, two check digits, and up to 30 letters and digits; as a number modulo 97 it is one.
fn is_iban(word: &str) -> bool {
    let bytes = word.as_bytes();
    let sound = (15..=34).contains(&bytes.len())
        && bytes.iter().take(2).all(u8::is_ascii_uppercase)
        && bytes.iter().skip(2).take(2).all(u8::is_ascii_digit)
        && bytes.iter().skip(4).all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    if !sound {
        return false;
    }
    let rest = bytes.iter().skip(4).chain(bytes.iter().take(4)).fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte.wrapping_sub(b'A')) + 10) % 97,
    });
    rest == 1
}

/// A word of at least 20 characters with digits among its letters, or 32 hexadecimal digits.
fn is_token(word: &str) -> bool {
    let word = word.trim_matches(['.', '-', '=', '+', '_']);
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let letters = word.bytes().filter(u8::is_ascii_alphabetic).count();
    let turns = word
        .as_bytes()
        .windows(2)
        .filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit() || case_turns(pair[0], pair[1]))
        .count();
    let hex = word.len() >= 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let is_text = word.contains("..")
        || word.bytes().filter(|byte| matches!(byte, b'.' | b'-' | b'_')).count() > word.len() / 5;
    hex && digits > 0 || word.len() >= 20 && digits >= 2 && letters >= 6 && turns >= 6 && !is_text
}

fn case_turns(a: u8, b: u8) -> bool {
    a.is_ascii_lowercase() && b.is_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redact(name: &str, value: &str) -> String {
        Redaction::default().redact(name, value).into_owned()
    }

    #[test]
    fn hides_by_name() {
        for name in [
            "password",
            "Password",
            "user_password",
            "X-Api-Key",
            "accessToken",
            "Authorization",
            "cvv",
            "IBAN",
        ] {
            assert_eq!(redact(name, "hello"), "***", "{name}");
        }
        for name in ["", "text", "tokens_used", "passenger", "company", "keyboard"] {
            assert_eq!(redact(name, "hello"), "hello", "{name}");
        }
    }

    #[test]
    fn hides_by_shape() {
        for (value, shown) in [
            ("card 4111 1111 1111 1111, thanks", "card ***, thanks"),
            ("4111-1111-1111-1111", "***"),
            ("5500005555555559", "***"),
            ("DE89370400440532013000", "***"),
            (
                "jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U!",
                "jwt ***!",
            ),
            ("key=9f86d081884c7d659a2feaa0c55ad015", "***"),
            ("AKIA4XJ7Q2LM9T0ZB3WD8", "***"),
            ("-----BEGIN PRIVATE KEY-----\nMIIE", "***"),
        ] {
            assert_eq!(redact("text", value), shown, "{value}");
        }
    }

    #[test]
    fn shows_what_is_no_secret() {
        for value in [
            "",
            "hello",
            "4111 1111 1111 1112",
            "0000000000000000",
            "Donaudampfschifffahrtsgesellschaft",
            "2026-11-22T19:30:33.123Z",
            "user-settings.panel.header-title",
            "1234567890123",
            "ä😀 ü",
            "https://example.org/a/b",
            "DE00370400440532013000",
        ] {
            assert_eq!(redact("text", value), value, "{value}");
        }
    }

    #[test]
    fn names_and_shapes_are_configurable() {
        let mut redaction = Redaction::default();
        assert!(
            redaction.hide("Badge-No")
                && !redaction.hide("-")
                && !redaction.show("text")
                && redaction.show("pin")
        );
        assert!(redaction.hides_name("badge_no") && !redaction.hides_name("pin"));
        redaction.shapes(&[]);
        assert_eq!(redaction.redact("x", "4111111111111111"), "4111111111111111");
    }
}
