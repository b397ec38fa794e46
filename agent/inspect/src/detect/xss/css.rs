//! Style sheets that run script: `expression()` and behaviours of old Internet Explorer, bindings of old Firefox.

use memchr::memmem;

/// Bytes of a style sheet that are read, without blanks and comments.
const LOOK: usize = 2048;

/// Whether the style runs script in some browser that has or had it.
pub(super) fn runs_script(style: &[u8]) -> bool {
    // Without one of these it calls nothing.
    if memchr::memchr3(b'(', b'\\', b':', style).is_none() {
        return false;
    }
    let view = view(style);
    [
        &b"expression("[..],
        b"behavior:url(",
        b"behaviour:url(",
        b"-moz-binding",
        b"javascript:",
        b"vbscript:",
        b"url(data:text/html",
        b"-o-link",
    ]
    .iter()
    .any(|word| memmem::find(&view, word).is_some())
}

/// Whether the style loads another one.
pub(super) fn imports(style: &[u8]) -> bool {
    if memchr::memchr2(b'@', b'\\', style).is_none() {
        return false;
    }
    memmem::find(&view(style), b"@import").is_some()
}

/// The style in lower case, without blanks and comments, with escapes resolved (CSS Syntax §4.3.7).
fn view(style: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(style.len().min(LOOK));
    let mut rest = style;
    let mut open = false;
    while let Some((&byte, after)) = rest.split_first() {
        if out.len() == LOOK {
            break;
        }
        rest = after;
        match byte {
            b'/' if !open && after.first() == Some(&b'*') => {
                match after.get(1..).and_then(|comment| memmem::find(comment, b"*/")) {
                    Some(end) => rest = after.get(end + 3..).unwrap_or_default(),
                    None => open = true,
                }
            }
            b'\\' => {
                let len = after.iter().take(6).take_while(|byte| byte.is_ascii_hexdigit()).count();
                let (digits, behind) = after.split_at(len);
                let code = digits.iter().fold(0_u32, |code, digit| {
                    code << 4 | char::from(*digit).to_digit(16).unwrap_or_default()
                });
                if len > 0 {
                    out.push(u8::try_from(code).unwrap_or(b'?').to_ascii_lowercase());
                    rest = behind.strip_prefix(b" ").unwrap_or(behind);
                }
            }
            0..=b' ' => {}
            _ => out.push(byte.to_ascii_lowercase()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_through_comments_and_escapes() {
        for style in [
            "width: expression(alert(1))",
            "xss:ex/*x*/pression(alert(1))",
            r"x:\65xpression(alert(1))",
            r"x:e\xpression(alert(1))",
            "-moz-binding:url(x)",
            "behavior: url(x.htc)",
            "background:url( javascript:x)",
        ] {
            assert!(runs_script(style.as_bytes()), "{style}");
        }
        for style in ["", "color:red", "scroll-behavior: smooth", "background:url(x.png)", "/* open", "\\"] {
            assert!(!runs_script(style.as_bytes()), "{style}");
        }
        assert!(imports(b"@\\69mport 'x'"));
    }
}
