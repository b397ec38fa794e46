//! What signals do, for all ports and for some: `[signals]` and `[port.N.signals]`.

use std::collections::BTreeMap;

use super::{Reading, section};
use crate::{
    detect::{Signal, SignalKind},
    rules::{
        complaint::suggestion,
        read::{Node, Table, Text},
        rule::SignalPolicy,
        signals::{self, SIGNALS},
    },
};

/// What signals do, for all ports and for some.
#[derive(Debug)]
pub(in crate::rules) struct Policy {
    general: Vec<SignalPolicy>,
    ports: BTreeMap<u16, Vec<(usize, SignalPolicy)>>,
}

impl Default for Policy {
    fn default() -> Self {
        let of = |signal: &Signal| match (signal, signal.kind()) {
            (_, SignalKind::Attack) | (Signal::WsUninspected, _) => SignalPolicy::Block,
            (_, SignalKind::Anomaly) => SignalPolicy::Tag,
        };
        Self { general: SIGNALS.iter().map(of).collect(), ports: BTreeMap::new() }
    }
}

impl Policy {
    /// Whether it is what it is without any file.
    pub(in crate::rules) fn is_default(&self) -> bool {
        self.ports.is_empty() && self.general == Self::default().general
    }

    /// What each signal does on a port.
    pub(in crate::rules) fn on_port(&self, port: u16) -> Vec<SignalPolicy> {
        let mut policy = self.general.clone();
        for (signal, does) in self.ports.get(&port).into_iter().flatten() {
            if let Some(slot) = policy.get_mut(*signal) {
                *slot = *does;
            }
        }
        policy
    }

    /// The ports that have words of their own.
    pub(in crate::rules) fn ports(&self) -> impl Iterator<Item = u16> {
        self.ports.keys().copied()
    }
}

impl Reading<'_> {
    pub(super) fn port(&mut self, ports: Table<'_>, name: Text<'_>, node: &Node<'_>) {
        let number = name.text.parse::<u16>().ok().filter(|port| *port > 0 && name.text == port.to_string());
        let Some(number) = number else {
            ports.reader.complain(name.at, format!("`{}` is not a port, 1 to 65535", name.text));
            return;
        };
        let Some(table) = ports.reader.table(node, &format!("`port.{number}`")) else { return };
        table.allow(&format!("`port.{number}`"), &["signals"]);
        table.require(&format!("`port.{number}`"), "signals");
        if let Some(table) = section(table, "signals") {
            self.signal_policy(table, Some(number));
        }
    }

    pub(super) fn signal_policy(&mut self, table: Table<'_>, port: Option<u16>) {
        let policies =
            [("block", SignalPolicy::Block), ("tag", SignalPolicy::Tag), ("ignore", SignalPolicy::Ignore)];
        for (name, _) in table.entries() {
            let detectors = SIGNALS.iter().map(|signal| signal.as_str());
            let Some(signal) = SIGNALS.iter().find(|signal| signal.as_str() == name.text) else {
                let message = match self.known.signals.get(name.text) {
                    Some(_) => format!("`{}` is the tag of a rule: write what it does as a rule", name.text),
                    None => format!(
                        "no detector has the signal `{}`{}",
                        name.text,
                        suggestion(name.text, detectors)
                    ),
                };
                table.reader.complain(name.at, message);
                continue;
            };
            let Some(policy) = table.choice(name.text, &policies) else { continue };
            let key = format!("{port:?} {}", name.text);
            if !self.once(table, &key, &format!("what `{}` does", name.text), name.at) {
                continue;
            }
            let id = signals::id(*signal);
            match port {
                Some(port) => self.policy.ports.entry(port).or_default().push((id, policy)),
                None => {
                    if let Some(slot) = self.policy.general.get_mut(id) {
                        *slot = policy;
                    }
                }
            }
        }
    }
}
