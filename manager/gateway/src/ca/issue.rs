//! What is in a certificate.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use x509_parser::{pem::parse_x509_pem, prelude::X509Certificate};

/// Clocks of two machines differ; a certificate is valid from a little before it was made.
const CLOCK_SKEW: Duration = Duration::from_hours(1);

/// The authority's own.
pub(super) fn authority(life: Duration) -> Result<CertificateParams, rcgen::Error> {
    let mut params = named("Cumulo", Vec::new(), life)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// That of a manager or an agent, which are servers and clients of each other.
pub(super) fn member(name: &str, life: Duration) -> Result<CertificateParams, rcgen::Error> {
    let mut params = named(name, vec![name.to_owned()], life)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn named(name: &str, alternatives: Vec<String>, life: Duration) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(alternatives)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let now = SystemTime::now();
    params.not_before = (now - CLOCK_SKEW).into();
    params.not_after = (now + life).into();
    Ok(params)
}

/// Whether the certificate is good for another `least` and `key` is its key.
pub(super) fn lasts(certificate: &str, key: &str, least: Duration) -> bool {
    let Ok(key) = KeyPair::from_pem(key) else { return false };
    let Ok((_, pem)) = parse_x509_pem(certificate.as_bytes()) else { return false };
    pem.parse_x509().is_ok_and(|certificate| {
        let public = &*certificate.public_key().subject_public_key.data;
        public == key.public_key_raw() && remaining(&certificate) > least
    })
}

fn remaining(certificate: &X509Certificate<'_>) -> Duration {
    let end = u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0);
    let end = UNIX_EPOCH + Duration::from_secs(end);
    end.duration_since(SystemTime::now()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_seen_coming() {
        let key = KeyPair::generate().expect("a key");
        let life = Duration::from_hours(10);
        let certificate = member("a.example", life).expect("params").self_signed(&key).expect("signed").pem();
        let key = key.serialize_pem();
        assert!(lasts(&certificate, &key, Duration::from_hours(9)));
        assert!(!lasts(&certificate, &key, Duration::from_hours(11)));
        assert!(!lasts("nonsense", &key, Duration::ZERO));
    }
}
