//! Hunts for the message whose bytes take longest.
//!
//! A climb: the slowest pieces found so far are changed a little, and what is slower stays. Nothing here fails, for
//! times depend on the machine; what is found belongs among the seeds of the target of the same name, where its work is
//! counted ([`growth`](crate::growth)).

use std::{
    fmt, fs, io,
    path::PathBuf,
    time::{Duration, Instant},
};

use framewall_inspect::{Inspector, Opcode};

use crate::{
    driver::folder,
    mutate::Rng,
    seeds::UNITS,
    target::{
        Target,
        slowest::{Form, Piece, judge},
    },
};

/// Pieces that are kept to be changed.
const KEPT: usize = 24;

/// Lengths of messages, in bytes.
const LENGTHS: [usize; 3] = [1024, 4 * 1024, 16 * 1024];

/// Longest piece, in bytes.
const LONGEST: usize = 512;

/// A piece, the length of its message, and the time for a byte.
#[derive(Clone, Debug)]
struct Climber {
    piece: Piece,
    len: usize,
    nanoseconds: f64,
}

/// What a hunt came to.
#[derive(Clone, Debug)]
pub struct Prey {
    /// Messages measured.
    pub measured: u64,
    /// Nanoseconds for a byte of the slowest.
    pub nanoseconds: f64,
    /// Its length, in bytes.
    pub len: usize,
    /// What it repeats, for reading.
    pub shown: String,
    /// Where the input is that makes it.
    pub path: PathBuf,
}

impl fmt::Display for Prey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { measured, nanoseconds, len, shown, path } = self;
        write!(
            f,
            "{measured} messages, the slowest takes {nanoseconds:.1} ns a byte: {len} bytes of {shown}, in {}",
            path.display()
        )
    }
}

/// Looks for the slowest message for `time`; `report` is told of each that is slower than all before.
///
/// # Errors
///
/// An input that cannot be written.
pub fn hunt(target: Target, time: Duration, seed: u64, mut report: impl FnMut(&str)) -> io::Result<Prey> {
    let started = Instant::now();
    let mut rng = Rng::new(seed);
    let mut inspector = Inspector::default();
    let mut kept: Vec<Climber> = Vec::new();
    let mut measured = 0;
    let mut slowest = 0.0;
    let forms = Form::ALL.iter().map(|(_, form)| *form);
    let mut seeds = forms.flat_map(|form| UNITS.iter().map(move |(_, unit)| (form, *unit)));
    while measured == 0 || started.elapsed() < time {
        let (piece, len) = match seeds.next() {
            Some((form, unit)) => (Piece { form, unit: unit.to_vec() }, LENGTHS[1]),
            None => {
                let parent = kept[rng.below(kept.len())].clone();
                let other = kept[rng.below(kept.len())].piece.unit.clone();
                let len = if rng.below(8) == 0 { LENGTHS[rng.below(LENGTHS.len())] } else { parent.len };
                (changed(parent.piece, &other, &mut rng), len)
            }
        };
        let nanoseconds = per_byte(&mut inspector, &piece, len, 3);
        measured += 1;
        let least = if kept.len() < KEPT { 0.0 } else { kept.last().map_or(0.0, |last| last.nanoseconds) };
        if nanoseconds <= least || kept.iter().any(|other| other.piece == piece) {
            continue;
        }
        // It may have been the machine.
        let nanoseconds = per_byte(&mut inspector, &piece, len, 12).min(nanoseconds);
        if nanoseconds > slowest {
            slowest = nanoseconds;
            report(&format!("{nanoseconds:.1} ns a byte: {len} bytes of {}", shown(&piece)));
        }
        kept.push(Climber { piece, len, nanoseconds });
        kept.sort_by(|a, b| b.nanoseconds.total_cmp(&a.nanoseconds));
        kept.truncate(KEPT);
    }
    let Climber { piece, len, nanoseconds } = &kept[0];
    let folder = folder("artifacts", target);
    fs::create_dir_all(&folder)?;
    let path = folder.join("slowest");
    fs::write(&path, piece.write())?;
    Ok(Prey { measured, nanoseconds: *nanoseconds, len: *len, shown: shown(piece), path })
}

fn per_byte(inspector: &mut Inspector, piece: &Piece, len: usize, runs: u32) -> f64 {
    let message = piece.message(len);
    cost(inspector, &message, runs).as_nanos() as f64 / message.1.len() as f64
}

/// The shortest of so many times.
fn cost(inspector: &mut Inspector, message: &(Opcode, Vec<u8>), runs: u32) -> Duration {
    let times = (0..runs).map(|_| {
        let start = Instant::now();
        std::hint::black_box(judge(inspector, std::hint::black_box(message)));
        start.elapsed()
    });
    times.min().unwrap_or_default()
}

fn shown(piece: &Piece) -> String {
    let unit: String = piece.unit.escape_ascii().map(char::from).take(160).collect();
    format!("{:?} \"{unit}\"", piece.form)
}

/// Changes a piece in one to four places.
fn changed(mut piece: Piece, other: &[u8], rng: &mut Rng) -> Piece {
    for _ in 0..=rng.below(4) {
        let unit = &mut piece.unit;
        let place = rng.below(unit.len() + 1);
        let until = (place + 1 + rng.below(12)).min(unit.len());
        match rng.below(8) {
            0 | 1 => {
                let (_, token) = UNITS[rng.below(UNITS.len())];
                unit.splice(place..place, token.iter().copied());
            }
            2 => {
                let from = rng.below(other.len() + 1);
                unit.splice(place..place, other.iter().copied().skip(from).take(24));
            }
            3 => drop(unit.drain(place.min(until)..until)),
            4 => {
                let copy: Vec<u8> = unit.iter().copied().take(until).skip(place).collect();
                unit.splice(place..place, copy);
            }
            5 => unit.insert(place, BYTES[rng.below(BYTES.len())]),
            6 => {
                if let Some(byte) = unit.get_mut(place) {
                    *byte = BYTES[rng.below(BYTES.len())];
                }
            }
            _ => piece.form = Form::ALL[rng.below(Form::ALL.len())].1,
        }
    }
    piece.unit.truncate(LONGEST);
    if piece.unit.is_empty() {
        piece.unit.push(b' ');
    }
    piece
}

/// Bytes with a meaning to some detector or decoder, and some without.
const BYTES: &[u8] = b"'\"`<>=;|&$(){}[]%\\#/.@:*+-!^~,?_ \t\n\r\0aeux019AZ\x80\xc0\xe2\xff";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::find;

    #[test]
    fn a_hunt_brings_something() {
        let target = find("slowest").expect("a target");
        let target = Target { name: "slowest-of-this-test", ..target };
        let mut reports = 0;
        let prey = hunt(target, Duration::from_millis(50), 1, |_| reports += 1).expect("writable");
        fs::remove_dir_all(folder("artifacts", target)).expect("it was written");
        assert!(prey.measured > 0 && prey.nanoseconds > 0.0 && reports > 0, "{prey}");
    }

    #[test]
    fn a_change_leaves_a_piece_of_some_length() {
        let mut rng = Rng::new(1);
        let mut piece = Piece { form: Form::Json, unit: b"x".to_vec() };
        for _ in 0..2000 {
            piece = changed(piece, b"other", &mut rng);
            assert!((1..=LONGEST).contains(&piece.unit.len()));
        }
    }
}
