//! `flows.toml`: which steps a flow is made of.
//!
//! ```toml
//! [create-vm]                  # a flow
//! create-vm = ["a", "b"]       # its usual chain
//! create-router = ["a", "+tail"]
//! tail = ["c", "d"]            # a piece that chains include with a plus
//! ```

use std::collections::HashMap;

/// Chains by flow and name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chains(HashMap<String, HashMap<String, Vec<String>>>);

/// Why a flow configuration is refused; the node does not start with a wrong one.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the texts say it")]
pub enum ChainError {
    #[error("the flow configuration is no TOML of the form [flow] chain = [\"step\", …]")]
    Syntax(#[source] toml::de::Error),
    #[error("flow '{flow}' is configured, but no service of this build has it")]
    UnknownFlow { flow: String },
    #[error("chain '{chain}' of flow '{flow}' names the step '{step}', which does not exist; there is: {known}")]
    UnknownStep { flow: String, chain: String, step: String, known: String },
    #[error("chain '{chain}' of flow '{flow}' includes itself or something that is not there: '+{included}'")]
    BadInclude { flow: String, chain: String, included: String },
    #[error("flow '{flow}' has no chain of its own name")]
    NoChain { flow: String },
}

impl Chains {
    /// Reads a configuration and resolves its inclusions.
    ///
    /// # Errors
    /// When it is not of the form above or includes in a circle.
    pub fn parse(text: &str) -> Result<Self, ChainError> {
        let written: HashMap<String, HashMap<String, Vec<String>>> =
            toml::from_str(text).map_err(ChainError::Syntax)?;
        let resolve = |(flow, chains): (&String, &HashMap<String, Vec<String>>)| {
            let resolved: Result<HashMap<_, _>, ChainError> = chains
                .keys()
                .map(|chain| Ok((chain.clone(), expand(flow, chain, chain, chains, chains.len())?)))
                .collect();
            Ok((flow.clone(), resolved?))
        };
        written.iter().map(resolve).collect::<Result<_, ChainError>>().map(Self)
    }

    /// The steps of `chain` of `flow`.
    #[must_use]
    pub fn steps(&self, flow: &str, chain: &str) -> Option<&[String]> {
        self.0.get(flow)?.get(chain).map(Vec::as_slice)
    }

    pub(super) fn check(&self, known: &HashMap<&'static str, Vec<&'static str>>) -> Result<(), ChainError> {
        for (flow, chains) in &self.0 {
            let steps = known.get(flow.as_str()).ok_or_else(|| ChainError::UnknownFlow { flow: flow.clone() })?;
            for (chain, names) in chains {
                if let Some(step) = names.iter().find(|name| !steps.contains(&name.as_str())) {
                    return Err(ChainError::UnknownStep {
                        flow: flow.clone(),
                        chain: chain.clone(),
                        step: step.clone(),
                        known: steps.join(", "),
                    });
                }
            }
        }
        match known.keys().find(|flow| self.steps(flow, flow).is_none()) {
            Some(flow) => Err(ChainError::NoChain { flow: (*flow).to_owned() }),
            None => Ok(()),
        }
    }
}

fn expand(
    flow: &str,
    chain: &str,
    name: &str,
    chains: &HashMap<String, Vec<String>>,
    depth: usize,
) -> Result<Vec<String>, ChainError> {
    let bad = || ChainError::BadInclude { flow: flow.to_owned(), chain: chain.to_owned(), included: name.to_owned() };
    let depth = depth.checked_sub(1).ok_or_else(bad)?;
    let mut steps = Vec::new();
    for step in chains.get(name).ok_or_else(bad)? {
        match step.strip_prefix('+') {
            Some(included) => steps.extend(expand(flow, chain, included, chains, depth)?),
            None => steps.push(step.clone()),
        }
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_include_pieces() {
        let chains = Chains::parse("[f]\nf = ['a', '+tail']\ntail = ['b', 'c']").expect("parses");
        assert_eq!(chains.steps("f", "f").expect("there"), ["a", "b", "c"]);
    }

    #[test]
    fn a_circle_a_hole_and_an_unknown_step_are_refused() {
        assert!(matches!(Chains::parse("[f]\nf = ['+g']\ng = ['+f']"), Err(ChainError::BadInclude { .. })));
        assert!(matches!(Chains::parse("[f]\nf = ['+g']"), Err(ChainError::BadInclude { .. })));
        assert!(matches!(Chains::parse("[f]\nf = 'a'"), Err(ChainError::Syntax(_))));
        let known = HashMap::from([("f", vec!["a"])]);
        let check = |text| Chains::parse(text).expect("parses").check(&known);
        assert!(matches!(check("[f]\nf = ['b']"), Err(ChainError::UnknownStep { .. })));
        assert!(matches!(check("[g]\ng = []"), Err(ChainError::UnknownFlow { .. })));
        assert!(matches!(check("[f]\ng = ['a']"), Err(ChainError::NoChain { .. })));
        assert!(check("[f]\nf = ['a']").is_ok());
    }
}
