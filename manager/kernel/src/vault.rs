//! Secrets at rest: sealed with a key that lies outside the database.
//!
//! AES-256-GCM with a random nonce per value. The key is a file in the data directory, readable by its owner only, so a
//! copy of the database alone gives nothing away.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path, sync::Arc};

use cumulo_schema::{ApiMeta, ErrorCode};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};
use serde_json::{Map, Value};

/// What a sealed text begins with; the number is the form's version.
const PREFIX: &str = "sealed:1:";
const KEY_LEN: usize = 32;

/// Seals and opens secrets; clones share the key.
#[derive(Clone)]
pub struct Vault {
    key: Arc<LessSafeKey>,
    random: SystemRandom,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}

/// Why there is no vault.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key file.
    #[error("the key file {path} could not be read or made")]
    Io {
        /// Where.
        path: String,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// Not a key.
    #[error(
        "the key file {path} does not hold a key of 32 bytes; restore it from a backup, or stored passwords are lost"
    )]
    BadKey {
        /// Where.
        path: String,
    },
}

impl Vault {
    /// Opens the vault whose key is at `path`; makes a key where there is none.
    ///
    /// # Errors
    /// When the file cannot be read or made, or is no key.
    pub fn open(path: &Path) -> Result<Self, VaultError> {
        let io = |cause| VaultError::Io { path: path.display().to_string(), cause };
        let bad = || VaultError::BadKey { path: path.display().to_string() };
        let random = SystemRandom::new();
        if !path.exists() {
            let mut key = [0; KEY_LEN];
            random.fill(&mut key).map_err(|_| io(std::io::Error::other("no randomness")))?;
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
            file.write_all(&key).and_then(|()| file.sync_all()).map_err(io)?;
        }
        let key = fs::read(path).map_err(io)?;
        let key = UnboundKey::new(&AES_256_GCM, &key).map_err(|_| bad())?;
        Ok(Self { key: Arc::new(LessSafeKey::new(key)), random })
    }

    /// Seals `secret`.
    #[must_use]
    pub fn seal(&self, secret: &str) -> String {
        let mut nonce = [0; NONCE_LEN];
        let mut sealed = secret.as_bytes().to_vec();
        let drawn = self.random.fill(&mut nonce);
        let done = drawn.and_then(|()| {
            self.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)
        });
        assert!(done.is_ok(), "the system gives no randomness; going on would store a secret in the clear");
        format!("{PREFIX}{}{}", hex::encode(nonce), hex::encode(sealed))
    }

    /// Opens what [`Vault::seal`] sealed.
    ///
    /// # Errors
    /// When it is something else, or was sealed with another key.
    pub fn unseal(&self, text: &str) -> Result<String, ErrorCode> {
        let wrong = || ErrorCode::internal("a stored secret does not open with this node's key; restore the key file");
        let bytes = text.strip_prefix(PREFIX).and_then(|text| hex::decode(text).ok()).ok_or_else(wrong)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN).ok_or_else(wrong)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| wrong())?;
        let mut sealed = sealed.to_vec();
        let opened = self.key.open_in_place(nonce, Aad::empty(), &mut sealed).map_err(|_| wrong())?;
        String::from_utf8(opened.to_vec()).map_err(|_| wrong())
    }

    /// The same parameters with the values of sensitive ones sealed.
    pub(crate) fn seal_params(&self, meta: &ApiMeta, mut params: Map<String, Value>) -> Map<String, Value> {
        for param in meta.params.iter().filter(|param| param.sensitive) {
            if let Some(value) = params.get_mut(param.name) {
                // Sealing does not fail.
                let _ = each_text(value, &mut |text| Ok(self.seal(text)));
            }
        }
        params
    }

    /// Reverses [`Vault::seal_params`].
    pub(crate) fn open_params(&self, mut params: Map<String, Value>) -> Result<Map<String, Value>, ErrorCode> {
        for value in params.values_mut() {
            each_text(value, &mut |text| match text.starts_with(PREFIX) {
                true => self.unseal(text),
                false => Ok(text.to_owned()),
            })?;
        }
        Ok(params)
    }
}

/// Changes every text inside `value`.
fn each_text(value: &mut Value, change: &mut impl FnMut(&str) -> Result<String, ErrorCode>) -> Result<(), ErrorCode> {
    match value {
        Value::String(text) => *text = change(text)?,
        Value::Array(items) => items.iter_mut().try_for_each(|item| each_text(item, change))?,
        Value::Object(members) => members.values_mut().try_for_each(|member| each_text(member, change))?,
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_sealed_opens_with_the_same_key_only() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("key");
        let vault = Vault::open(&path).expect("made");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        let sealed = vault.seal("root's password");
        assert!(!sealed.contains("password"));
        assert_ne!(sealed, vault.seal("root's password"), "the same secret looks different each time");
        assert_eq!(Vault::open(&path).expect("read").unseal(&sealed).as_deref(), Ok("root's password"));
        let other = Vault::open(&dir.path().join("other")).expect("made");
        assert!(other.unseal(&sealed).is_err());
        for garbage in ["", "x", "sealed:1:", "sealed:1:00", &sealed[..sealed.len() - 2]] {
            assert!(vault.unseal(garbage).is_err(), "{garbage}");
        }
    }
}
