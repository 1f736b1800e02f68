//! Sessions without an identity service.

use async_trait::async_trait;
use cumulo_kernel::{
    api::{Authenticator, Credential},
    bus::Caller,
};
use cumulo_schema::{ErrorCode, codes};

/// A session's text is the id of the account it belongs to.
pub(crate) struct SessionIsAccount;

#[async_trait]
impl Authenticator for SessionIsAccount {
    async fn authenticate(&self, credential: &Credential) -> Result<Caller, ErrorCode> {
        let account = match credential {
            Credential::Session(text) => text.parse().ok(),
            Credential::Signed { .. } | Credential::None => None,
        };
        let account = account.ok_or_else(|| ErrorCode::new(codes::INVALID_SESSION, "no session of a test"))?;
        Ok(Caller { account, session: None })
    }
}
