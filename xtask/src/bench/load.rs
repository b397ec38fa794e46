//! What the clients do: the columns of the table.

use std::time::Duration;

use super::idle::Traffic;
use super::rows::Row;

/// One kind of traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Load {
    /// Each connection sends the next message when it has got the last one back.
    Echo { bytes: usize, connections: usize },
    /// Messages of 128 bytes come at a fixed rate, a second, on 32 connections.
    Paced { rate: u32 },
    /// Messages go one way on [`STREAMS`] connections.
    Stream { bytes: usize, direction: Direction },
    /// Connections are opened, used for one message and closed.
    Opening,
    /// Connections that are open and quiet.
    Idle(Traffic),
    /// Messages of 128 bytes come at [`SCALE_RATE`] in all on so many connections.
    Scale { connections: usize },
}

/// Which way messages of [`Load::Stream`] go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Direction {
    Up,
    Down,
}

/// How long loads last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) warm_up: Duration,
    pub(super) measure: Duration,
}

/// Connections of a stream.
const STREAMS: usize = 8;
/// Connections that are opened at a time.
const OPENERS: usize = 16;
/// Messages a second of [`Load::Scale`].
const SCALE_RATE: u32 = 20_000;
/// Connections where it matters that they are many.
pub(super) const MANY: usize = 9000;

/// Words for `--only`, in the order in which they are measured.
pub(super) const GROUPS: [&str; 6] = ["echo", "paced", "stream", "opening", "idle", "scale"];

impl Load {
    /// The loads of a group; of `paced`, those at a half and at a quarter of what goes without a hop.
    pub(super) fn of_group(group: &str, quick: bool, most: f64) -> Vec<Self> {
        let sizes: &[usize] = if quick { &[128, 1024] } else { &[128, 1024, 16 * 1024] };
        let connections: &[usize] = if quick { &[1, 32] } else { &[1, 32, 512] };
        match group {
            "echo" => sizes
                .iter()
                .flat_map(|bytes| {
                    connections
                        .iter()
                        .map(|connections| Self::Echo { bytes: *bytes, connections: *connections })
                })
                .collect(),
            "paced" => [2.0, 4.0].map(|part| Self::Paced { rate: rounded(most / part) }).to_vec(),
            "stream" => [64 * 1024, 1 << 20]
                .iter()
                .flat_map(|bytes| {
                    [Direction::Up, Direction::Down]
                        .map(|direction| Self::Stream { bytes: *bytes, direction })
                })
                .collect(),
            "opening" => vec![Self::Opening],
            "idle" => Traffic::ALL.map(Self::Idle).to_vec(),
            "scale" => [32, MANY].map(|connections| Self::Scale { connections }).to_vec(),
            _ => Vec::new(),
        }
    }

    /// As it stands in tables and in JSON.
    pub(super) fn name(self) -> String {
        match self {
            Self::Echo { bytes, connections } => format!("echo, {connections} × {}", size(bytes)),
            Self::Paced { rate } => format!("{rate} messages/s, 32 × 128 B"),
            Self::Stream { bytes, direction: Direction::Up } => {
                format!("{} up, {STREAMS} connections", size(bytes))
            }
            Self::Stream { bytes, direction: Direction::Down } => {
                format!("{} down, {STREAMS} connections", size(bytes))
            }
            Self::Opening => format!("open, one message, close, {OPENERS} at a time"),
            Self::Idle(traffic) => format!("{MANY} idle connections, {}", traffic.name()),
            Self::Scale { connections } => format!("{SCALE_RATE} messages/s, {connections} × 128 B"),
        }
    }

    /// The rows for which it says something.
    pub(super) fn rows(self) -> Vec<Row> {
        let wanted = |row: &Row| match self {
            Self::Echo { .. } | Self::Paced { .. } | Self::Opening => true,
            Self::Stream { .. } => !row.deflates(),
            // Without a hop there is what the two ends take of the kernel's memory.
            Self::Idle(Traffic::Plain) => !row.deflates(),
            Self::Idle(Traffic::Offered | Traffic::Compressed) => row.deflates(),
            Self::Scale { .. } => *row != Row::Direct && !row.deflates(),
        };
        Row::ALL.into_iter().filter(wanted).collect()
    }

    /// On how many cores everything runs. With one connection nothing happens at the same time; all there would be to
    /// see of a second core is what it costs to wake it, which in a virtual machine is more than all the rest.
    pub(super) fn cores(self) -> usize {
        match self {
            Self::Echo { connections: 1, .. } => 1,
            Self::Echo { .. }
            | Self::Paced { .. }
            | Self::Stream { .. }
            | Self::Opening
            | Self::Idle(_)
            | Self::Scale { .. } => std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// More rounds would say nothing new: memory is no matter of luck.
    pub(super) fn most_rounds(self) -> usize {
        if matches!(self, Self::Idle(_)) { 2 } else { usize::MAX }
    }

    /// For the clients' program.
    pub(super) fn arguments(self) -> Vec<String> {
        let (command, options) = match self {
            Self::Echo { bytes, connections } => {
                ("echo", vec![("bytes", bytes), ("connections", connections)])
            }
            Self::Paced { rate } => ("paced", vec![("rate", rate as usize), ("connections", 32)]),
            Self::Stream { bytes, direction } => {
                let command = if direction == Direction::Up { "up" } else { "down" };
                (command, vec![("bytes", bytes), ("connections", STREAMS)])
            }
            Self::Opening => ("open", vec![("connections", OPENERS)]),
            Self::Idle(traffic) => ("idle", traffic.options()),
            Self::Scale { connections } => {
                ("paced", vec![("rate", SCALE_RATE as usize), ("connections", connections)])
            }
        };
        let options = options.into_iter().map(|(name, value)| format!("--{name}={value}"));
        std::iter::once(command.to_owned()).chain(options).collect()
    }
}

/// A rate that people can read.
fn rounded(rate: f64) -> u32 {
    const STEP: f64 = 1000.0;
    // No machine comes near the limit of the type.
    ((rate / STEP).round().max(1.0) * STEP) as u32
}

/// Bytes for people.
pub(super) fn size(bytes: usize) -> String {
    match bytes {
        small @ 0..1024 => format!("{small} B"),
        medium @ 1024..1_048_576 => format!("{} KiB", medium / 1024),
        large => format!("{} MiB", large / 1_048_576),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_group_has_loads_of_different_names_and_rows() {
        let loads: Vec<_> =
            GROUPS.iter().map(|group| Load::of_group(group, false, 190_400.0)).collect::<Vec<_>>().concat();
        assert_eq!(loads.iter().map(|load| load.name()).collect::<HashSet<_>>().len(), loads.len());
        assert!(loads.contains(&Load::Paced { rate: 95_000 }));
        assert!(loads.iter().all(|load| !load.rows().is_empty()));
    }
}
