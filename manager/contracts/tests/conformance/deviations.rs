//! Where we differ from the reference on purpose, and why.

/// A difference that stays.
pub(crate) struct Deviation {
    /// The test that finds it.
    pub(crate) area: &'static str,
    /// Where: as in the difference, or up to a `*`.
    pub(crate) at: &'static str,
    /// Why it stays.
    #[allow(dead_code)]
    pub(crate) why: &'static str,
}

impl Deviation {
    /// Whether it is about `at`.
    pub(crate) fn covers(&self, at: &str) -> bool {
        match self.at.strip_suffix('*') {
            Some(start) => at.starts_with(start),
            None => at == self.at,
        }
    }
}

pub(crate) const LIST: &[Deviation] = &[];
