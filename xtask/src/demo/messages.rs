//! What the client says.

/// A message, split as it goes over the wire.
#[derive(Debug)]
pub(super) struct Message {
    /// Its frames: one, unless splitting it is the point.
    pub(super) parts: &'static [&'static str],
    /// Whether it should reach the app.
    pub(super) benign: bool,
}

/// Everyday messages and textbook attacks, in the order in which they are sent.
pub(super) const MESSAGES: &[Message] = &[
    benign(&[r#"{"type":"chat","text":"Good morning, everybody"}"#]),
    benign(&[r#"{"type":"order","items":[{"name":"O'Reilly, 2nd edition","quantity":2}]}"#]),
    malicious(&[r#"{"user":{"name":"' OR '1'='1' --"}}"#]),
    benign(&[r#"{"type":"cha"#, r#"t","text":"in thr"#, r#"ee frames"}"#]),
    malicious(&[r#"{"type":"chat","text":"<script>alert(document.cookie)</script>"}"#]),
    malicious(&[r#"{"filter":{"any":[{"id":"1"},{"id":"1 UNION SELECT name, password FROM users"}]}}"#]),
    malicious(&[r#"{"user":{"name":"' O"#, r#"R '1'="#, r#"'1' --"}}"#]),
    malicious(&["<img src=x onerror=alert(1)>"]),
    benign(&["plain text, and <b>not</b> 1 = 1 of your business"]),
];

const fn benign(parts: &'static [&'static str]) -> Message {
    Message { parts, benign: true }
}

const fn malicious(parts: &'static [&'static str]) -> Message {
    Message { parts, benign: false }
}
