//! A certificate authority made for one test, and the servers that it vouches for.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// Two authorities of one name are the same for whoever looks for an issuer: `name` tells them apart.
    pub fn new(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Authority { issuer: CertifiedIssuer::self_signed(params, key).expect("a certificate") }
    }

    /// Writes the authority's certificate into `directory`, for `SSL_CERT_FILE`.
    pub fn write(&self, directory: &Path) -> PathBuf {
        let path = directory.join("ca.pem");
        std::fs::write(&path, self.issuer.pem()).expect("a writable directory");
        path
    }

    /// A server with a certificate for `name`.
    pub fn server(&self, name: &str) -> ServerConfig {
        self.certify(CertificateParams::new([name.to_owned()]).expect("a name"))
    }

    /// A server whose certificate for `name` is good from the first to the last of these years.
    pub fn server_of_years(&self, name: &str, years: RangeInclusive<i32>) -> ServerConfig {
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params.not_before = date_time_ymd(*years.start(), 1, 1);
        params.not_after = date_time_ymd(*years.end(), 12, 31);
        self.certify(params)
    }

    /// A server whose certificate names no host but in its subject, as in the days before subjectAltName.
    pub fn server_of_a_common_name(&self, name: &str) -> ServerConfig {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        self.certify(params)
    }

    /// A server whose certificate is for clients.
    pub fn client(&self, name: &str) -> ServerConfig {
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.certify(params)
    }

    /// A certificate for `name` and its key in PEM, whose authority is written to `authority`.
    pub fn pem_server(&self, name: &str, authority: &Path) -> (String, String) {
        std::fs::write(authority, self.issuer.pem()).expect("a writable directory");
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([name.to_owned()]).expect("a name");
        (params.signed_by(&key, &self.issuer).expect("a certificate").pem(), key.serialize_pem())
    }

    fn certify(&self, params: CertificateParams) -> ServerConfig {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        serve(&certificate, &key)
    }
}

/// A server whose certificate for `name` vouches for itself, and that certificate in PEM. One that `signs` is an
/// authority's, as `openssl req -x509` makes it.
pub fn self_signed(name: &str, signs: bool) -> (ServerConfig, String) {
    let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
    params.is_ca = if signs { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::ExplicitNoCa };
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    (serve(&certificate, &key), certificate.pem())
}

/// A server with a certificate and a key in PEM.
pub fn of_pem(certificate: &[u8], key: &[u8]) -> ServerConfig {
    let certificate = CertificateDer::from_pem_slice(certificate).expect("a certificate");
    configure(certificate, PrivateKeyDer::from_pem_slice(key).expect("a key"))
}

fn serve(certificate: &Certificate, key: &KeyPair) -> ServerConfig {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    configure(certificate.der().clone(), key)
}

fn configure(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> ServerConfig {
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has them all")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("key and certificate belong together")
}
