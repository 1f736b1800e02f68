//! Errors with their causes, on one line.

use std::{error::Error, fmt};

/// Prints an error and what caused it, outermost first: `could not start: no such file`.
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        for cause in causes(self.0) {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

/// The texts of the causes below `error`, outermost first, without the error's own.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> Vec<String> {
    std::iter::successors(error.source(), |&e| e.source()).map(ToString::to_string).collect()
}
