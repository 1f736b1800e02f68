//! A certificate with its key and the authority behind it, from files or from memory.

use std::fmt;

use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::TlsError;
use crate::config::TlsFiles;

/// One end's certificate chain, private key and trusted authority.
pub struct Identity {
    pub(super) ca: Vec<CertificateDer<'static>>,
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Identity {
    /// From certificates in memory.
    pub fn new(
        ca: Vec<CertificateDer<'static>>,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Self {
        Self { ca, chain, key }
    }

    /// From PEM texts: the authority's certificates, the own chain, the own key.
    ///
    /// # Errors
    /// When one of them is no such PEM.
    pub fn from_pem(ca: &str, chain: &str, key: &str) -> Result<Self, TlsError> {
        let fail = |what| move |cause| TlsError::File { what, path: "memory".into(), cause };
        let certificates = |pem: &str| CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
        Ok(Self {
            ca: certificates(ca).map_err(fail("the authority's certificate"))?,
            chain: certificates(chain).map_err(fail("the certificate"))?,
            key: PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(fail("the private key"))?,
        })
    }

    /// From PEM files.
    ///
    /// # Errors
    /// When one of them is missing or no such PEM.
    pub fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        let fail = |what, path: &std::path::Path| {
            let path = path.display().to_string();
            move |cause| TlsError::File { what, path, cause }
        };
        let certificates = |path| CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>();
        Ok(Self {
            ca: certificates(&files.ca).map_err(fail("the authority's certificate", &files.ca))?,
            chain: certificates(&files.cert).map_err(fail("the certificate", &files.cert))?,
            key: PrivateKeyDer::from_pem_file(&files.key).map_err(fail("the private key", &files.key))?,
        })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("chain", &self.chain.len()).finish_non_exhaustive()
    }
}
