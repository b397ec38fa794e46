//! Character references of HTML (HTML standard §13.2.5.72), as leniently as browsers and decoders read them.

/// Names of the ASCII characters that syntax is made of, and of some that are nothing to see.
const NAMES: [(&[u8], char); 56] = [
    (b"AMP", '&'),
    (b"DiacriticalGrave", '`'),
    (b"GT", '>'),
    (b"Hat", '^'),
    (b"LT", '<'),
    (b"NewLine", '\n'),
    (b"NonBreakingSpace", ' '),
    (b"QUOT", '"'),
    (b"Tab", '\t'),
    (b"UnderBar", '_'),
    (b"VerticalLine", '|'),
    (b"ZeroWidthSpace", '\u{200b}'),
    (b"amp", '&'),
    (b"apos", '\''),
    (b"ast", '*'),
    (b"bsol", '\\'),
    (b"colon", ':'),
    (b"comma", ','),
    (b"commat", '@'),
    (b"dollar", '$'),
    (b"equals", '='),
    (b"excl", '!'),
    (b"grave", '`'),
    (b"gt", '>'),
    (b"imath", 'i'),
    (b"inodot", 'i'),
    (b"lbrace", '{'),
    (b"lbrack", '['),
    (b"lcub", '{'),
    (b"lowbar", '_'),
    (b"lpar", '('),
    (b"lsqb", '['),
    (b"lt", '<'),
    (b"midast", '*'),
    (b"nbsp", ' '),
    (b"num", '#'),
    (b"percnt", '%'),
    (b"period", '.'),
    (b"plus", '+'),
    (b"quest", '?'),
    (b"quot", '"'),
    (b"rbrace", '}'),
    (b"rbrack", ']'),
    (b"rcub", '}'),
    (b"rpar", ')'),
    (b"rsqb", ']'),
    (b"semi", ';'),
    (b"shy", '\u{ad}'),
    (b"sol", '/'),
    (b"verbar", '|'),
    (b"vert", '|'),
    (b"zwj", '\u{200d}'),
    (b"zwnj", '\u{200c}'),
    (b"ApplyFunction", '\u{2061}'),
    (b"InvisibleComma", '\u{2063}'),
    (b"NoBreak", '\u{2060}'),
];

/// Those that are read without `;` too, by browsers or because somebody will have forgotten it.
const BARE: [&[u8]; 17] = [
    b"AMP", b"GT", b"LT", b"NewLine", b"QUOT", b"Tab", b"amp", b"apos", b"colon", b"gt", b"lbrace", b"lcub",
    b"lpar", b"lt", b"quot", b"rbrace", b"rpar",
];

/// The longest name.
const MAX_NAME: usize = 16;

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
    if rest.get(len) == Some(&b';') {
        return NAMES.iter().find(|(name, _)| *name == word).map(|(_, char)| (*char, len + 1));
    }
    // `&lt=3` is a parameter.
    let bare = BARE.iter().filter(|name| word.starts_with(name)).max_by_key(|name| name.len())?;
    if rest.get(bare.len()) == Some(&b'=') {
        return None;
    }
    NAMES.iter().find(|(name, _)| name == bare).map(|(_, char)| (*char, bare.len()))
}
