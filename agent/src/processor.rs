//! Whether the processor has what this daemon was built for: an illegal instruction would not say what it lacks.

use anyhow::{Result, bail};

/// What a build may count on beyond what every x86-64 processor has, as compilers and `/proc/cpuinfo` call it.
#[cfg(target_arch = "x86_64")]
const BUILT_FOR: &[&str] = &[
    #[cfg(target_feature = "sse4.2")]
    "sse4_2",
    #[cfg(target_feature = "popcnt")]
    "popcnt",
    #[cfg(target_feature = "avx")]
    "avx",
    #[cfg(target_feature = "avx2")]
    "avx2",
    #[cfg(target_feature = "bmi1")]
    "bmi1",
    #[cfg(target_feature = "bmi2")]
    "bmi2",
    #[cfg(target_feature = "fma")]
    "fma",
    #[cfg(target_feature = "movbe")]
    "movbe",
    #[cfg(target_feature = "avx512f")]
    "avx512f",
    #[cfg(target_feature = "avx512bw")]
    "avx512bw",
    #[cfg(target_feature = "avx512vl")]
    "avx512vl",
    #[cfg(target_feature = "avx512vbmi")]
    "avx512vbmi",
];
#[cfg(not(target_arch = "x86_64"))]
const BUILT_FOR: &[&str] = &[];

/// # Errors
///
/// Names the instructions that are missing, and what to do.
pub(crate) fn check() -> Result<()> {
    // A host that does not tell is given the benefit of the doubt.
    match std::fs::read_to_string("/proc/cpuinfo") {
        Ok(told) => check_flags(&told, BUILT_FOR),
        Err(_) => Ok(()),
    }
}

fn check_flags(cpuinfo: &str, wanted: &[&str]) -> Result<()> {
    let Some(flags) = cpuinfo.lines().find_map(|line| line.strip_prefix("flags")) else { return Ok(()) };
    let missing: Vec<_> =
        wanted.iter().copied().filter(|want| !flags.split_whitespace().any(|flag| flag == *want)).collect();
    if !missing.is_empty() {
        bail!(
            "this processor lacks {}, for which this daemon was built; build it without `-C target-cpu` in RUSTFLAGS",
            missing.join(", ")
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CPUINFO: &str = "processor\t: 0\nflags\t\t: fpu sse4_2 avx popcnt\nbugs\t\t: avx2\n";

    #[test]
    fn says_what_the_processor_lacks() {
        assert!(check_flags(CPUINFO, &["sse4_2", "popcnt"]).is_ok());
        assert!(check_flags("Features\t: asimd\n", &["avx2"]).is_ok());
        let error = check_flags(CPUINFO, &["avx", "avx2", "bmi2"]).unwrap_err().to_string();
        assert!(error.contains("lacks avx2, bmi2, ") && error.contains("target-cpu"), "{error}");
    }

    #[test]
    fn this_processor_runs_this_very_build() {
        check().unwrap();
    }
}
