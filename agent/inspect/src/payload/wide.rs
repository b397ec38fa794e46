//! Text in UTF-16 and UTF-32.

/// Units that are looked at to tell text from other data.
const SAMPLE: usize = 64;

/// Whether data is text in 16-bit or 32-bit units, which is then in `out` as UTF-8.
pub(super) fn decode(data: &[u8], out: &mut Vec<u8>) -> bool {
    let Some((width, is_big)) = form(data) else { return false };
    out.clear();
    let units = data.chunks_exact(width).map(|unit| {
        let fold = |value: u32, byte: &u8| value << 8 | u32::from(*byte);
        if is_big { unit.iter().fold(0, fold) } else { unit.iter().rev().fold(0, fold) }
    });
    let mut push = |letter: char| {
        if letter != '\u{feff}' {
            out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        }
    };
    if width == 4 {
        units.for_each(|unit| push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)));
    } else {
        let units = units.map(|unit| unit as u16);
        char::decode_utf16(units).for_each(|letter| push(letter.unwrap_or(char::REPLACEMENT_CHARACTER)));
    }
    true
}

/// The bytes of a unit, and whether the highest comes first.
fn form(data: &[u8]) -> Option<(usize, bool)> {
    match data {
        [0xff, 0xfe, 0, 0, ..] if data.len().is_multiple_of(4) => return Some((4, false)),
        [0, 0, 0xfe, 0xff, ..] if data.len().is_multiple_of(4) => return Some((4, true)),
        [0xff, 0xfe, ..] if data.len().is_multiple_of(2) => return Some((2, false)),
        [0xfe, 0xff, ..] if data.len().is_multiple_of(2) => return Some((2, true)),
        _ => {}
    }
    [(4, false), (4, true), (2, false), (2, true)].into_iter().find(|(width, is_big)| {
        if data.len() < 3 * width || !data.len().is_multiple_of(*width) {
            return false;
        }
        let (mut units, mut ascii) = (0, 0);
        for unit in data.chunks_exact(*width).take(SAMPLE) {
            let (low, high) = if *is_big {
                unit.split_last().unwrap_or((&0, &[]))
            } else {
                unit.split_first().unwrap_or((&0, &[]))
            };
            let is_ascii =
                matches!(low, b'\t' | b'\n' | b'\r' | b' '..=b'~') && high.iter().all(|byte| *byte == 0);
            units += 1;
            ascii += u32::from(is_ascii);
        }
        ascii * 2 >= units
    })
}
