//! Holds every declared API and resource against ZStack's, as `tests/data/zstack-api.json` at the root of the repository
//! has it.
//!
//! Clients in the field were generated from that data, so whatever differs breaks one of them. A difference is either
//! corrected in the declaration or listed in [`deviations`] with its reason; one that is listed and no longer there
//! fails as well, so that the list stays true.

mod apis;
mod deviations;
mod lists;
mod openapi;
mod queries;
mod reference;
mod resources;

use std::fmt::Debug;

/// One point in which a declaration is not as the reference has it.
struct Difference {
    /// Where: `CreateZone/name/regex`.
    at: String,
    /// What the reference says and what we say.
    text: String,
}

/// The differences found so far.
#[derive(Default)]
struct Differences(Vec<Difference>);

impl Differences {
    /// Notes a difference at `at` unless `ours` equals `reference`.
    #[expect(clippy::needless_pass_by_value, reason = "most arguments are made for the call")]
    fn compare<T: PartialEq + Debug>(&mut self, at: &str, reference: T, ours: T) {
        if reference != ours {
            self.0.push(Difference { at: at.to_owned(), text: format!("reference {reference:?}, ours {ours:?}") });
        }
    }

    /// Notes that something is there on one side only.
    fn note(&mut self, at: &str, text: &str) {
        self.0.push(Difference { at: at.to_owned(), text: text.to_owned() });
    }

    /// Fails with every difference that is not a listed deviation, and with every listed one that is none.
    fn settle(self, area: &str) {
        let listed = || deviations::LIST.iter().filter(|deviation| deviation.area == area);
        let unknown = self.0.iter().filter(|found| !listed().any(|deviation| deviation.at == found.at));
        let mut faults: Vec<String> = unknown.map(|found| format!("{}: {}", found.at, found.text)).collect();
        let stale = listed().filter(|deviation| !self.0.iter().any(|found| found.at == deviation.at));
        faults.extend(stale.map(|deviation| format!("{}: listed as a deviation, but is none", deviation.at)));
        assert!(faults.is_empty(), "{} faults in {area}:\n{}", faults.len(), faults.join("\n"));
    }
}
