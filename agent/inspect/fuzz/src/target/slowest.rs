//! How much work a byte can be: the input is a piece of a message, repeated.
//!
//! The target itself reads no clock, which says more of the machine than of the message. `cargo xtask instructions`
//! counts the work of the seeds ([`growth`](crate::growth)), and [`hunt`](crate::slowest::hunt) looks for slower ones.

use framewall_inspect::{Inspector, Mode, Opcode, Settings};

/// Lengths of messages, in bytes.
const SHORT: usize = 8 * 1024;
const LONG: usize = 4 * SHORT;

pub(super) fn run(input: &[u8]) -> u64 {
    let piece = Piece::read(input);
    let mut inspector = Inspector::default();
    let short = judge(&mut inspector, &piece.message(SHORT));
    let long = judge(&mut inspector, &piece.message(LONG));
    short << 32 | long
}

/// Looks at all of a message, as mode log does. Returns the findings of it.
pub(crate) fn judge(inspector: &mut Inspector, (opcode, message): &(Opcode, Vec<u8>)) -> u64 {
    let settings = Settings { mode: Mode::Log, ..Settings::default() };
    inspector.inspect(&settings, *opcode, message).len() as u64
}

/// What is repeated in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) form: Form,
    pub(crate) unit: Vec<u8>,
}

/// What a piece is put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The pieces and nothing else.
    Plain,
    /// One string of a JSON message.
    Json,
    /// A string of JSON each.
    JsonMany,
    /// One string of JSON, percent-encoded.
    Percent,
    /// One string of JSON, in Base64.
    Base64,
    /// Parameters, as in a form.
    Parameters,
    /// A binary message that is not UTF-8.
    Binary,
}

impl Form {
    /// All forms, by their letters.
    pub(crate) const ALL: [(u8, Self); 7] = [
        (b't', Self::Plain),
        (b'j', Self::Json),
        (b'm', Self::JsonMany),
        (b'%', Self::Percent),
        (b'6', Self::Base64),
        (b'f', Self::Parameters),
        (b'b', Self::Binary),
    ];
}

impl Piece {
    /// Reads the letter of a form (or any other byte) and the piece.
    pub(crate) fn read(input: &[u8]) -> Self {
        let (letter, unit) = input.split_first().unwrap_or((&b't', b" "));
        let named = Form::ALL.iter().find(|(other, _)| other == letter);
        let (_, form) = named.unwrap_or(&Form::ALL[usize::from(*letter) % Form::ALL.len()]);
        let unit = if unit.is_empty() { b" " } else { unit };
        Self { form: *form, unit: unit.to_vec() }
    }

    /// The input that [`read`](Self::read) reads.
    pub(crate) fn write(&self) -> Vec<u8> {
        let letter =
            Form::ALL.iter().find(|(_, form)| *form == self.form).map_or(b't', |(letter, _)| *letter);
        [&[letter], self.unit.as_slice()].concat()
    }

    /// A message of about `len` bytes.
    pub(crate) fn message(&self, len: usize) -> (Opcode, Vec<u8>) {
        // Whole pieces only: with half a character at its end a message would be another one.
        let times = |len: usize| (len / self.unit.len()).max(1);
        let repeated = |len: usize| self.unit.repeat(times(len));
        let text = |bytes: &[u8]| json_string(&String::from_utf8_lossy(bytes));
        let leaf = |value: String| format!("{{\"a\":{value}}}").into_bytes();
        let message = match self.form {
            Form::Plain => repeated(len),
            Form::Json => leaf(text(&repeated(len))),
            Form::JsonMany => {
                let string = text(&self.unit);
                let strings = vec![string.as_str(); (len / (string.len() + 1)).max(1)];
                format!("[{}]", strings.join(",")).into_bytes()
            }
            Form::Percent => {
                let letters = repeated(len / 3);
                leaf(format!("\"{}\"", letters.iter().map(|byte| format!("%{byte:02X}")).collect::<String>()))
            }
            // Three at a time, so that no group of Base64 is left out.
            Form::Base64 => {
                let bytes = self.unit.repeat(times(len / 4 * 3).next_multiple_of(3));
                leaf(format!("\"{}\"", base64(&bytes)))
            }
            Form::Parameters => {
                let parameter = [b"a=".as_slice(), &self.unit, b"&"].concat();
                parameter.repeat((len / parameter.len()).max(1))
            }
            Form::Binary => [b"\x00\xff\x0a".as_slice(), &repeated(len)].concat(),
        };
        let opcode = if self.form == Form::Binary { Opcode::Binary } else { Opcode::Text };
        (opcode, message)
    }
}

fn json_string(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            '\0'..='\x1f' => out.push_str(&format!("\\u{:04x}", u32::from(letter))),
            _ => out.push(letter),
        }
    }
    out + "\""
}

/// Without padding: whole groups only.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let groups = bytes.chunks_exact(3).flat_map(|group| {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        [18, 12, 6, 0].map(|shift| char::from(LETTERS[(bits >> shift & 63) as usize]))
    });
    groups.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_as_long_as_asked_and_can_be_read_again() {
        for (_, form) in Form::ALL {
            let piece = Piece { form, unit: b"' or 1=1 ".to_vec() };
            assert_eq!(Piece::read(&piece.write()), piece);
            let (_, message) = piece.message(4096);
            assert!((3900..4400).contains(&message.len()), "{form:?}: {}", message.len());
        }
        let (_, message) = Piece::read(b"6Man").message(12);
        assert_eq!(message, b"{\"a\":\"TWFuTWFuTWFu\"}");
        // Whole pieces only.
        let (_, message) = Piece::read(b"j\"\n").message(3);
        assert_eq!(message, b"{\"a\":\"\\\"\\u000a\"}");
    }

    #[test]
    fn an_input_of_nothing_is_a_message_too() {
        assert_eq!(Piece::read(b"").message(3), (Opcode::Text, b"   ".to_vec()));
    }
}
