//! Explains why a server's certificate was refused, and the remedy.
//!
//! rustls, which checks it, is stricter than browsers and curl in two points that people meet: a certificate that may
//! sign others (as `openssl req -x509` makes them) is not a server's, and a name counts only as a subjectAltName.

use std::time::Duration;

use jiff::Timestamp;
use rustls::CertificateError as Bad;
use rustls::pki_types::UnixTime;

const TRUST: &str = "name the file of the authority that signed it in SSL_CERT_FILE";

/// The way to make a certificate that is accepted.
const MAKE_ONE: &str = "make one with `openssl req -x509 … -addext basicConstraints=critical,CA:FALSE \
                        -addext subjectAltName=DNS:HOST`, and name its file in SSL_CERT_FILE";

const NAME_IT: &str = "write one of its hosts into the URL, unless something else answers at that address";

pub const STRONG_ONE: &str = "the server needs one with SHA-256 or better and an RSA (from 2048 bits), ECDSA (P-256 or \
                              P-384) or Ed25519 key";

/// The number of names that are shown, and the length of each: names on a certificate are the server's choice.
const MAX_NAMES: usize = 3;
const MAX_NAME_CHARS: usize = 64;

/// One line; `whose` is the owner of the certificate.
pub fn explain(bad: &Bad, whose: &str) -> String {
    let what = match bad {
        Bad::ExpiredContext { time, not_after } => {
            format!(
                "expired on {}, and here it is {}: renew it, or set this machine's clock",
                day(*not_after),
                day(*time)
            )
        }
        Bad::NotValidYetContext { time, not_before } => format!(
            "is not valid before {}, and here it is {}: set this machine's clock (timedatectl)",
            day(*not_before),
            day(*time)
        ),
        Bad::Expired => "is expired: renew it, or set this machine's clock".to_owned(),
        Bad::NotValidYet => "is not valid yet: set this machine's clock (timedatectl)".to_owned(),
        Bad::UnknownIssuer => format!(
            "is signed by an authority that this system does not know, or by itself: update ca-certificates, or {TRUST}"
        ),
        Bad::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            format!("names no host at all (it has no subjectAltName): {MAKE_ONE}")
        }
        Bad::NotValidForNameContext { presented, .. } => {
            format!("is for another host ({}): {NAME_IT}", names(presented))
        }
        Bad::NotValidForName => format!("is for another host: {NAME_IT}"),
        Bad::Revoked => "has been revoked by its authority: the server needs a new one".to_owned(),
        Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => {
            "is not for servers (extendedKeyUsage without serverAuth): the server needs another one".to_owned()
        }
        Bad::BadSignature => {
            "is not signed by the authority that this system knows by the name in it, or its key is too weak (RSA below \
             2048 bits): bring the file in SSL_CERT_FILE, or ca-certificates, up to date, or make a stronger one"
                .to_owned()
        }
        Bad::UnsupportedSignatureAlgorithmContext { .. }
        | Bad::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            format!("is signed in a way that is not secure any more (SHA-1) or is unusual: {STRONG_ONE}")
        }
        // webpki's errors have no variant of their own in rustls, and it does not pass on their type.
        Bad::Other(other) => match &*other.to_string() {
            "CaUsedAsEndEntity" => {
                format!(
                    "is one of an authority and none of a server (CA:TRUE, as `openssl req -x509` makes it): {MAKE_ONE}"
                )
            }
            "UnsupportedCertVersion" => format!("is of an old kind (X.509 version 1), which names no host: {MAKE_ONE}"),
            other => format!("is not valid ({other}): look at it with `openssl s_client`"),
        },
        other => format!("is not valid ({other}): look at it with `openssl s_client`"),
    };
    format!("the certificate of {whose} {what}")
}

/// `2026-02-04T07:30:00Z`
fn day(time: UnixTime) -> String {
    let since_epoch = Duration::from_secs(time.as_secs());
    Timestamp::UNIX_EPOCH
        .checked_add(since_epoch)
        .map_or_else(|_| "an unknown time".to_owned(), |time| time.to_string())
}

/// rustls writes `DnsName("host")` and `IpAddress(10.0.0.1)`.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| {
        let inner = name.split_once('(').map_or(&**name, |(_, rest)| rest.trim_end_matches(')')).trim_matches('"');
        inner.chars().filter(|c| c.is_ascii_graphic()).take(MAX_NAME_CHARS).collect::<String>()
    };
    let mut text = presented.iter().take(MAX_NAMES).map(bare).collect::<Vec<_>>().join(", ");
    if presented.len() > MAX_NAMES {
        text.push_str(", …");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    #[test]
    fn a_time_that_does_not_fit_is_told_with_this_machines_time() {
        let told = explain(&Bad::ExpiredContext { time: at(86_400), not_after: at(0) }, "robot");
        assert!(told.contains("expired on 1970-01-01T00:00:00Z, and here it is 1970-01-02T00:00:00Z"), "{told}");
        let told = explain(&Bad::NotValidYetContext { time: at(0), not_before: at(u64::MAX) }, "robot");
        assert!(told.contains("not valid before an unknown time") && told.contains("timedatectl"), "{told}");
    }

    #[test]
    fn names_are_told_bounded_and_bare() {
        let presented = ["DnsName(\"a.example\")", "IpAddress(10.0.0.1)", "odd\n\u{1b}[31m", "fourth"];
        let presented = presented.map(str::to_owned).to_vec();
        assert_eq!(names(&presented), "a.example, 10.0.0.1, odd[31m, …");
    }

    #[test]
    fn whatever_is_wrong_says_whose_it_is_and_what_to_do() {
        for bad in [
            Bad::Expired,
            Bad::NotValidYet,
            Bad::UnknownIssuer,
            Bad::NotValidForName,
            Bad::Revoked,
            Bad::InvalidPurpose,
            Bad::BadSignature,
            Bad::BadEncoding,
            Bad::UnhandledCriticalExtension,
            Bad::ApplicationVerificationFailure,
            // As rustls shows it, it is a page of numbers.
            Bad::UnsupportedSignatureAlgorithmContext { signature_algorithm_id: vec![], supported_algorithms: vec![] },
        ] {
            let told = explain(&bad, "robot.example");
            assert!(told.starts_with("the certificate of robot.example ") && told.contains(": "), "{told}");
            assert!(!told.contains('{') && !told.contains('['), "{told}");
        }
    }
}
