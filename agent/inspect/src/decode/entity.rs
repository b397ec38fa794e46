//! Character references of HTML (HTML standard §13.2.5.72), as leniently as browsers and decoders read them.

/// The longest name, and the longest that is read without `;`.
const MAX_NAME: usize = 16;
const LONGEST_BARE: usize = 7;

/// Reads the reference at the front of `rest`, which begins with `&`: the character and the number of bytes.
pub(super) fn read(rest: &[u8]) -> Option<(char, usize)> {
    match rest {
        [_, b'#', b'x' | b'X', digits @ ..] => number(digits, 16).map(|(char, len)| (char, len + 3)),
        [_, b'#', digits @ ..] => number(digits, 10).map(|(char, len)| (char, len + 2)),
        [_, name @ ..] => named(name).map(|(char, len)| (char, len + 1)),
        [] => None,
    }
}

/// Any number of digits, then perhaps `;`.
fn number(digits: &[u8], radix: u32) -> Option<(char, usize)> {
    let mut code = 0_u32;
    let mut len = 0;
    while let Some(digit) = digits.get(len).and_then(|&digit| char::from(digit).to_digit(radix)) {
        code = code.saturating_mul(radix).saturating_add(digit);
        len += 1;
    }
    if len == 0 {
        return None;
    }
    let end = usize::from(digits.get(len) == Some(&b';'));
    // The beginning of a number that something is stuffed into.
    if end == 0 && matches!(code, 1..=8) {
        return None;
    }
    let char = char::from_u32(code).filter(|_| code != 0).unwrap_or(char::REPLACEMENT_CHARACTER);
    Some((char, len + end))
}

fn named(rest: &[u8]) -> Option<(char, usize)> {
    let len = rest.iter().take(MAX_NAME + 1).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = rest.get(..len)?;
    if rest.get(len) == Some(&b';')
        && let Some((char, _)) = lookup(word)
    {
        return Some((char, len + 1));
    }
    // `&lt=3` is a parameter.
    let (char, len) = (2..=len.min(LONGEST_BARE)).rev().find_map(|len| match lookup(word.get(..len)?)? {
        (char, true) => Some((char, len)),
        (_, false) => None,
    })?;
    (rest.get(len) != Some(&b'=')).then_some((char, len))
}

/// The names of the ASCII characters that syntax is made of, and of some that are nothing to see; and whether they are
/// read without `;` too, by browsers or by who is lenient.
const fn lookup(name: &[u8]) -> Option<(char, bool)> {
    Some(match name {
        b"AMP" | b"amp" => ('&', true),
        b"DiacriticalGrave" | b"grave" => ('`', false),
        b"GT" | b"gt" => ('>', true),
        b"Hat" => ('^', false),
        b"LT" | b"lt" => ('<', true),
        b"NewLine" => ('\n', true),
        b"NonBreakingSpace" | b"nbsp" => (' ', false),
        b"QUOT" | b"quot" => ('"', true),
        b"Tab" => ('\t', true),
        b"UnderBar" | b"lowbar" => ('_', false),
        b"VerticalLine" | b"verbar" | b"vert" => ('|', false),
        b"ZeroWidthSpace" => ('\u{200b}', false),
        b"apos" => ('\'', true),
        b"ast" | b"midast" => ('*', false),
        b"bsol" => ('\\', false),
        b"colon" => (':', true),
        b"comma" => (',', false),
        b"commat" => ('@', false),
        b"dollar" => ('$', false),
        b"equals" => ('=', false),
        b"excl" => ('!', false),
        b"imath" | b"inodot" => ('i', false),
        b"lbrace" | b"lcub" => ('{', true),
        b"lbrack" | b"lsqb" => ('[', false),
        b"lpar" => ('(', true),
        b"num" => ('#', false),
        b"percnt" => ('%', false),
        b"period" => ('.', false),
        b"plus" => ('+', false),
        b"quest" => ('?', false),
        b"rbrace" | b"rcub" => ('}', true),
        b"rbrack" | b"rsqb" => (']', false),
        b"rpar" => (')', true),
        b"semi" => (';', false),
        b"shy" => ('\u{ad}', false),
        b"sol" => ('/', false),
        b"zwj" => ('\u{200d}', false),
        b"zwnj" => ('\u{200c}', false),
        b"ApplyFunction" => ('\u{2061}', false),
        b"InvisibleComma" => ('\u{2063}', false),
        b"NoBreak" => ('\u{2060}', false),
        _ => return None,
    })
}
