//! The textbook attacks every build must stop.

use serde_json::{Value, json};

/// An attack and the class it must be reported as.
#[derive(Debug, Clone, Copy)]
pub struct Attack {
    /// The value an attacker puts into a field.
    pub text: &'static str,
    /// The signal in the event: `SQLI` or `XSS`.
    pub signal: &'static str,
}

impl Attack {
    /// The reason with which the connection ends.
    #[must_use]
    pub fn reason(&self) -> String {
        format!("attack-{}", self.signal.to_lowercase())
    }
}

/// Ten SQL injections and ten cross-site scripts, as in any textbook.
pub const TEXTBOOK: [Attack; 20] = [
    sqli("' OR '1'='1"),
    sqli("' OR 1=1 --"),
    sqli("1' OR '1'='1' /*"),
    sqli("' UNION SELECT username, password FROM users --"),
    sqli("1 UNION SELECT NULL, NULL, NULL --"),
    sqli("1; DROP TABLE users --"),
    sqli("' AND SLEEP(5) --"),
    sqli("1' AND (SELECT COUNT(*) FROM information_schema.tables) > 0 --"),
    sqli("'; EXEC xp_cmdshell('dir') --"),
    sqli("x' AND 1=(SELECT 1 FROM dual) AND 'a'='a"),
    xss("<script>alert(1)</script>"),
    xss("<img src=x onerror=alert(1)>"),
    xss("<svg onload=alert(1)>"),
    xss("<svg/onload=alert(1)>"),
    xss("<iframe src=\"javascript:alert(1)\"></iframe>"),
    xss("<a href=\"javascript:alert(1)\">x</a>"),
    xss("<body onload=alert(1)>"),
    xss("\"><script>alert(document.cookie)</script>"),
    xss("<object data=\"javascript:alert(1)\"></object>"),
    xss("<input autofocus onfocus=alert(1)>"),
];

/// JSON messages that carry `text` at some depth, each with the location the event must name.
#[must_use]
pub fn in_json(text: &str) -> Vec<(Value, &'static str)> {
    vec![
        (json!({"user": {"name": text}}), "$.user.name"),
        (json!({"type": "chat", "data": {"items": [1, {"text": text}]}, "ok": true}), "$.data.items[1].text"),
        (json!(["join", null, text]), "$[2]"),
        (json!({"body": text, "id": 7}), "$.body"),
    ]
}

const fn sqli(text: &'static str) -> Attack {
    Attack { text, signal: "SQLI" }
}

const fn xss(text: &'static str) -> Attack {
    Attack { text, signal: "XSS" }
}
