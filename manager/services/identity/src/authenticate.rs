//! Who calls: whoever shows a session, or signs with an access key.

use async_trait::async_trait;
use cumulo_contracts::resource::{AccessKey, ResourceState};
use cumulo_kernel::{
    api::{Authenticator, Credential},
    bus::Caller,
};
use cumulo_schema::{ErrorCode, codes};
use ring::hmac;

use crate::{Identity, sessions::ended};

#[async_trait]
impl Authenticator for Identity {
    async fn authenticate(&self, credential: &Credential) -> Result<Caller, ErrorCode> {
        match credential {
            Credential::Session(text) => self.sessions.caller(text).await,
            Credential::Signed { key, signature, message } => {
                let key = self.key_called(key).await?;
                let secret = self.kernel.vault().unseal(&key.access_key_secret)?;
                // SHA-1 is what clients sign with; as an HMAC it still holds.
                let secret = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
                // Compares in constant time.
                let verified = hmac::verify(&secret, message.as_bytes(), signature);
                verified.map_err(|_| refused("wrong accessKey signature"))?;
                Ok(Caller { account: key.account_uuid, session: None })
            }
            Credential::None => Err(ended()),
        }
    }
}

impl Identity {
    async fn key_called(&self, id: &str) -> Result<AccessKey, ErrorCode> {
        let shown: String = id.chars().take(20).collect();
        match self.store.access_key_called(id).await? {
            Some(key) if key.state == ResourceState::Enabled => Ok(key),
            Some(_) => Err(refused(&format!("the access key id {shown} is disabled"))),
            None => Err(refused(&format!("there is no access key id {shown}"))),
        }
    }
}

/// Clients know a wrong key by the words in these texts (wire.md §2).
fn refused(details: &str) -> ErrorCode {
    ErrorCode::new(codes::AUTHENTICATION, details)
}
