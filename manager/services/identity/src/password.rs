//! Passwords: argon2id over the text that clients send, worked out on threads that may be slow.
//!
//! A verification takes tens of milliseconds and some memory on purpose, so only a few run at once: a flood of wrong logins
//! waits in line instead of taking the memory of the node.

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version,
    password_hash::{Salt, SaltString},
};
use cumulo_kernel::apart;
use cumulo_schema::ErrorCode;
use rand::Rng;
use sha2::{Digest, Sha512};
use tokio::sync::{OnceCell, Semaphore};

/// Hashes worked on at once.
const PARALLEL: usize = 4;
/// Memory of one, in KiB, and how often it passes over it. Of the settings that OWASP's password storage cheat sheet holds to be
/// equally hard, the one with the least memory: what a login takes, an allocator keeps for a while.
const MEMORY: u32 = 7 << 10;
const PASSES: u32 = 5;
/// What is generated is of these: none that people mistake for another.
const ALPHABET: &[u8] = b"abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Characters of a generated password.
pub(crate) const GENERATED_LENGTH: usize = 20;

/// Hashes and verifies passwords.
#[derive(Debug)]
pub(crate) struct Passwords {
    turns: Semaphore,
    /// Verified against where there is no account, so that both refusals take as long.
    decoy: OnceCell<String>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { turns: Semaphore::new(PARALLEL), decoy: OnceCell::new() }
    }
}

impl Passwords {
    /// What to store for the text `sent` by a client.
    pub(crate) async fn hash(&self, sent: String) -> Result<String, ErrorCode> {
        self.on_a_thread(move || {
            let bytes: [u8; Salt::RECOMMENDED_LENGTH] = rand::rng().random();
            let hash = SaltString::encode_b64(&bytes)
                .and_then(|salt| hasher()?.hash_password(sent.as_bytes(), &salt).map(|hash| hash.to_string()));
            hash.map_err(|cause| ErrorCode::internal(format!("a password could not be hashed: {cause}")))
        })
        .await?
    }

    /// Whether the text `sent` by a client is the one that `stored` was made of. `None` is no account: always false, and
    /// as slow.
    pub(crate) async fn verify(&self, sent: String, stored: Option<String>) -> Result<bool, ErrorCode> {
        let is_account = stored.is_some();
        let stored = match stored {
            Some(stored) => stored,
            None => self.decoy.get_or_try_init(|| self.hash(generate(GENERATED_LENGTH))).await?.clone(),
        };
        let matches = self
            .on_a_thread(move || match PasswordHash::new(&stored) {
                // With the settings that it was made with.
                Ok(hash) => Ok(Argon2::default().verify_password(sent.as_bytes(), &hash).is_ok()),
                Err(cause) => Err(ErrorCode::internal(format!("a stored password is unreadable: {cause}"))),
            })
            .await??;
        Ok(matches && is_account)
    }

    async fn on_a_thread<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, ErrorCode> {
        let failed = |cause: &(dyn std::error::Error + 'static)| {
            ErrorCode::internal("a password could not be worked on").because_of(cause)
        };
        let _turn = self.turns.acquire().await.map_err(|closed| failed(&closed))?;
        apart::run(work).await.map_err(|ended| failed(&ended))
    }
}

fn hasher() -> argon2::password_hash::Result<Argon2<'static>> {
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(MEMORY, PASSES, 1, None)?))
}

/// The text that a client sends for `password`.
pub(crate) fn as_sent(password: &str) -> String {
    hex::encode(Sha512::digest(password.as_bytes()))
}

/// A new text of letters and digits that nobody can guess.
pub(crate) fn generate(length: usize) -> String {
    let mut random = rand::rng();
    (0..length).map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_travels_as_the_lowercase_hex_of_its_sha_512() {
        let sent = as_sent("password");
        assert_eq!(sent.len(), 128);
        assert!(sent.starts_with("b109f3bbbc244eb82441917ed06d618b"), "{sent}");
    }

    #[test]
    fn generated_passwords_differ_and_are_long() {
        let (one, other) = (generate(GENERATED_LENGTH), generate(GENERATED_LENGTH));
        assert_ne!(one, other);
        assert_eq!(one.len(), GENERATED_LENGTH);
    }

    #[tokio::test]
    async fn only_the_same_text_verifies_and_nobody_has_the_decoys_password() {
        let passwords = Passwords::default();
        let stored = passwords.hash(as_sent("a")).await.expect("hashed");
        assert!(stored.starts_with("$argon2id$v=19$m=7168,t=5,p=1$"), "{stored}");
        assert_ne!(stored, passwords.hash(as_sent("a")).await.expect("hashed"), "salted");
        assert_eq!(passwords.verify(as_sent("a"), Some(stored.clone())).await, Ok(true));
        assert_eq!(passwords.verify(as_sent("b"), Some(stored)).await, Ok(false));
        assert_eq!(passwords.verify(as_sent("a"), None).await, Ok(false));
        assert!(passwords.verify(as_sent("a"), Some("plain".to_owned())).await.is_err());
    }

    #[tokio::test]
    async fn what_was_hashed_with_other_settings_still_verifies() {
        let salt = SaltString::encode_b64(b"0123456789abcdef").expect("a salt");
        let stored = Argon2::default().hash_password(as_sent("a").as_bytes(), &salt).expect("hashed").to_string();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_eq!(Passwords::default().verify(as_sent("a"), Some(stored)).await, Ok(true));
    }
}
