//! Asking for secrets.

use crate::console::AskSecret;

/// Asks on the controlling terminal, without echo.
#[derive(Debug, Clone, Copy)]
pub struct Terminal;

impl AskSecret for Terminal {
    fn ask(&self, prompt: &str) -> Option<String> {
        rpassword::prompt_password(prompt).ok()
    }
}
