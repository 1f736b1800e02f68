//! The flow configuration: every service's own `flows.toml`, joined; chains of an operator's file replace them.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context;

type Chains = BTreeMap<String, BTreeMap<String, Vec<String>>>;

const BUILT_IN: &[&str] = &[
    include_str!("../../services/backup-storage/flows.toml"),
    include_str!("../../services/host/flows.toml"),
    include_str!("../../services/image/flows.toml"),
    include_str!("../../services/network/flows.toml"),
    include_str!("../../services/primary-storage/flows.toml"),
    include_str!("../../services/vm/flows.toml"),
];

/// The text of all chains.
///
/// # Errors
/// When the operator's file cannot be read or is no flow configuration.
pub(crate) fn text(file: Option<&Path>) -> anyhow::Result<String> {
    let mut all = Chains::new();
    for text in BUILT_IN {
        let chains: Chains = toml::from_str(text).context("a built-in flow configuration is broken")?;
        for (flow, chains) in chains {
            all.entry(flow).or_default().extend(chains);
        }
    }
    if let Some(path) = file {
        let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let chains: Chains =
            toml::from_str(&text).with_context(|| format!("{} is no flow configuration", path.display()))?;
        for (flow, chains) in chains {
            all.entry(flow).or_default().extend(chains);
        }
    }
    toml::to_string(&all).context("the flow configuration cannot be written down")
}
