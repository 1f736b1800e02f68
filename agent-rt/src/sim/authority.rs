//! A certificate authority for tests.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, Error, IsCa, KeyPair};

use crate::tls::Identity;

/// Makes certificates that are valid for the names they are made for.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key, as PEM.
pub struct Issued {
    /// The authority.
    pub ca: String,
    /// The certificate.
    pub cert: String,
    /// Its key.
    pub key: String,
}

impl Authority {
    /// A new one that nobody knows.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn new() -> Result<Self, Error> {
        let mut params = CertificateParams::new([])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// A certificate for `name`.
    ///
    /// # Errors
    /// When `name` is no DNS name.
    pub fn issue(&self, name: &str) -> Result<Issued, Error> {
        let key = KeyPair::generate()?;
        let cert = CertificateParams::new([name.to_owned()])?.signed_by(&key, &self.0)?;
        Ok(Issued { ca: self.0.pem(), cert: cert.pem(), key: key.serialize_pem() })
    }
}

impl Issued {
    /// Ready for use.
    ///
    /// # Errors
    /// Never in practice: it was just made.
    pub fn identity(&self) -> Result<Identity, crate::tls::TlsError> {
        Identity::from_pem(&self.ca, &self.cert, &self.key)
    }
}
