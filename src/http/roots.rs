//! The certificates of the authorities that are trusted: those of `SSL_CERT_FILE` and `SSL_CERT_DIR`, else the
//! distribution's. A file that somebody named and that cannot be used is an error, whatever else is found.

use std::env;
use std::ffi::OsStr;
use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls_native_certs::{CertificateResult, ErrorKind};
use ureq::tls::Certificate;

use super::Error;

pub fn trusted() -> Result<Vec<Certificate<'static>>, Error> {
    chosen(&rustls_native_certs::load_native_certs(), env::var_os("SSL_CERT_FILE").as_deref())
}

/// What was found, of which `named` is the file that the variable names.
/// The same for a connection that is not ureq's.
pub fn trusted_roots() -> Result<Vec<CertificateDer<'static>>, Error> {
    Ok(trusted()?.iter().map(|root| CertificateDer::from(root.der().to_vec())).collect())
}

fn chosen(found: &CertificateResult, named: Option<&OsStr>) -> Result<Vec<Certificate<'static>>, Error> {
    if let Some(cause) = named.and_then(|file| unusable(found, Path::new(file))) {
        return Err(Error(format!(
            "SSL_CERT_FILE: {cause}: name a file of certificates (PEM) that this user can read"
        )));
    }
    if found.certs.is_empty() {
        let cause = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
        return Err(Error(format!(
            "this system has no certificates to check an https server with{cause}: install ca-certificates"
        )));
    }
    Ok(found.certs.iter().map(|der| Certificate::from_der(der).to_owned()).collect())
}

/// The reason why `file` gave no certificate.
fn unusable(found: &CertificateResult, file: &Path) -> Option<String> {
    let failure = found.errors.iter().find_map(|error| match &error.kind {
        ErrorKind::Io { inner, path } if path == file => Some(inner.to_string()),
        _ => None,
    });
    match failure {
        _ if file.as_os_str().is_empty() => Some("it is empty".to_owned()),
        Some(failure) => Some(format!("{}: {failure}", file.display())),
        None => found.certs.is_empty().then(|| format!("{} holds no certificate", file.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_file_that_was_named_and_cannot_be_used_is_named_and_not_the_systems_package() {
        let mut found = CertificateResult::default();
        let told = |found: &CertificateResult, named: &str| {
            let Err(Error(told)) = chosen(found, Some(OsStr::new(named))) else { panic!("{named} was taken") };
            assert!(!told.contains("ca-certificates"), "{told}");
            told
        };
        assert!(told(&found, "/etc/ca.der").contains("/etc/ca.der holds no certificate"));
        assert!(told(&found, "").contains("it is empty"));
        // Something else was found beside it, in SSL_CERT_DIR.
        found.certs.push(vec![1].into());
        let inner = io::Error::from(io::ErrorKind::PermissionDenied);
        let kind = ErrorKind::Io { inner, path: "/root/ca.pem".into() };
        found.errors.push(rustls_native_certs::Error { context: "", kind });
        assert!(told(&found, "/root/ca.pem").contains("/root/ca.pem: permission denied"));
        assert_eq!(chosen(&found, Some(OsStr::new("/etc/ca.pem"))).unwrap().len(), 1);
    }

    #[test]
    fn a_system_without_certificates_is_told_what_to_install() {
        let Err(Error(told)) = chosen(&CertificateResult::default(), None) else { panic!("nothing was taken") };
        assert!(told.ends_with("install ca-certificates"), "{told}");
    }
}
