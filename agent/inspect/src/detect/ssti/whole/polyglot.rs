//! Values that ask which of several engines computes them.

/// How many engines' openers stand in a value that closes few of them.
pub(super) fn openers(text: &[u8]) -> u32 {
    if text.len() > 96 {
        return 0;
    }
    let mut seen = 0_u32;
    for pair in text.windows(2) {
        seen |= match pair {
            b"{{" => 1,
            b"${" => 2,
            b"<%" => 4,
            b"#{" => 8,
            b"{#" => 16,
            b"{@" => 32,
            b"*{" => 64,
            b"{%" => 128,
            b"@{" => 256,
            b"{*" => 512,
            b"<#" => 1024,
            b"~{" => 2048,
            b"@*" => 4096,
            b"[[" => 8192,
            _ => 0,
        };
    }
    seen.count_ones()
}

/// `{12}{34}`: engines with single braces show the numbers.
pub(super) fn groups_of_digits(text: &[u8]) -> bool {
    let mut groups = 0;
    let mut rest = text;
    while let Some(inside) = rest.strip_prefix(b"{") {
        let len = inside.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let Some(after) = inside.get(len..).and_then(|after| after.strip_prefix(b"}")) else { return false };
        if len < 2 {
            return false;
        }
        groups += 1;
        rest = after;
    }
    groups >= 2 && rest.is_empty()
}
