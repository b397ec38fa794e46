//! Replays inputs and mutates them, without coverage: what counts as new is how a connection went.

use std::{
    collections::HashSet,
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    compare::Fnv,
    mutate::{Rng, mutate},
    target::Target,
};

/// Inputs that are kept to be mutated, beside the seeds.
const MAX_KEPT: usize = 4000;

/// Attempts to make a failing input shorter.
const MINIMISE_RUNS: usize = 4000;

/// What a campaign came to.
#[derive(Clone, Debug, Default)]
pub struct Campaign {
    /// Inputs played, the seeds included.
    pub executions: u64,
    /// Different courses that connections took.
    pub shapes: usize,
    /// The longest that one input took.
    pub slowest: Duration,
    /// Where the input is that failed, in a form as short as it could be made.
    pub failure: Option<PathBuf>,
}

impl std::fmt::Display for Campaign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { executions, shapes, slowest, failure } = self;
        write!(f, "{executions} executions, {shapes} courses, slowest {slowest:.1?}")?;
        match failure {
            Some(path) => write!(f, ", FAILED on {}", path.display()),
            None => write!(f, ", no failure"),
        }
    }
}

/// Replays the seeds of `target`, then mutates them for `time`. Stops at the first failure.
///
/// # Errors
///
/// Seeds that cannot be read, or a failing input that cannot be written.
pub fn campaign(target: Target, time: Duration, seed: u64) -> io::Result<Campaign> {
    let mut corpus = read_folder(&folder("seeds", target))?;
    assert!(!corpus.is_empty(), "there are no seeds for {}", target.name);
    let started = Instant::now();
    let mut rng = Rng::new(seed);
    let mut shapes = HashSet::new();
    let mut campaign = Campaign::default();
    // First each seed as it is.
    let mut seeds = corpus.clone().into_iter();
    loop {
        let (input, is_seed) = match seeds.next() {
            Some(seed) => (seed, true),
            None if started.elapsed() >= time => break,
            None => {
                let mut input = corpus[rng.below(corpus.len())].clone();
                let other = rng.below(corpus.len());
                mutate(&mut input, &corpus[other], &mut rng);
                (input, false)
            }
        };
        let began = Instant::now();
        let result = attempt(target, &input);
        campaign.slowest = campaign.slowest.max(began.elapsed());
        campaign.executions += 1;
        let Some(shape) = result else {
            campaign.failure = Some(keep_failure(target, input)?);
            break;
        };
        if shapes.insert(shape) && !is_seed && corpus.len() < MAX_KEPT {
            corpus.push(input);
        }
    }
    campaign.shapes = shapes.len();
    Ok(campaign)
}

/// The folder of a target's files of one kind: `seeds` or `artifacts`.
pub fn folder(kind: &str, target: Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(kind).join(target.name)
}

fn read_folder(folder: &Path) -> io::Result<Vec<Vec<u8>>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    paths.iter().map(fs::read).collect()
}

/// What [`Target::run`] returns, or `None` if it panics.
fn attempt(target: Target, input: &[u8]) -> Option<u64> {
    catch_unwind(AssertUnwindSafe(|| (target.run)(input))).ok()
}

/// Shortens an input that fails, and writes it down.
fn keep_failure(target: Target, input: Vec<u8>) -> io::Result<PathBuf> {
    let folder = folder("artifacts", target);
    fs::create_dir_all(&folder)?;
    let write = |input: &[u8]| {
        let mut hash = Fnv::new();
        hash.bytes(input);
        let path = folder.join(format!("failure-{:016x}", hash.0));
        fs::write(&path, input).map(|()| path)
    };
    // What follows may take long, or never end.
    let whole = write(&input)?;
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let short = minimise(target, input);
    std::panic::set_hook(hook);
    let path = write(&short)?;
    if path != whole {
        fs::remove_file(whole)?;
    }
    Ok(path)
}

/// Leaves out ever smaller pieces as long as it fails without them.
fn minimise(target: Target, mut input: Vec<u8>) -> Vec<u8> {
    let mut runs = 0;
    let mut size = input.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at < input.len() && runs < MINIMISE_RUNS {
            let mut shorter = input.clone();
            shorter.drain(at..(at + size).min(input.len()));
            runs += 1;
            if attempt(target, &shorter).is_none() {
                input = shorter;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_shortened() {
        let run = |input: &[u8]| {
            assert!(!input.windows(3).any(|part| part == b"bug"));
            0
        };
        let target = Target { name: "of this test", run };
        let mut input = vec![b'x'; 1000];
        input.splice(500..500, *b"bug");
        assert_eq!(minimise(target, input), b"bug");
    }
}
