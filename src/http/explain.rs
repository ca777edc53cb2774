//! What went wrong with a request, in one line for people: which stage, which host, and what to look at.
//!
//! Only texts that cannot hold the URL are passed on: those of the operating system, of the resolver and of the
//! certificate's check. What else ureq would print is told in our own words.

use std::io;

use rustls::CertificateError;
use ureq::Timeout;

use super::Error;

/// The way that a request took, as far as an error may name it.
#[derive(Clone, Copy, Debug)]
pub struct Route<'a> {
    pub host: &'a str,
    /// The environment variable that names the proxy.
    pub proxy: Option<&'static str>,
}

impl Route<'_> {
    /// Whom the connection is made to.
    fn next_hop(self) -> String {
        self.proxy.map_or_else(|| self.host.to_owned(), |variable| format!("the proxy that {variable} names"))
    }
}

pub fn explain(error: &ureq::Error, route: Route<'_>) -> Error {
    let host = route.host;
    Error(match error {
        ureq::Error::HostNotFound => unresolved(&route.next_hop(), "no address"),
        ureq::Error::Io(error) => of_io(error, route),
        ureq::Error::Rustls(error) => of_tls(error, host),
        ureq::Error::Tls(_) => format!("TLS with {host} failed: its name cannot stand in a certificate"),
        ureq::Error::Timeout(stage) => of_timeout(*stage, route),
        // The text is of ureq's own and holds no more than the proxy's status.
        ureq::Error::ConnectProxyFailed(reason) => format!("{} refused: {reason}", route.next_hop()),
        ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => format!("{host} does not answer in HTTP"),
        _ => format!("the request to {host} failed"),
    })
}

fn unresolved(host: &str, cause: &str) -> String {
    format!("cannot resolve the name of {host}: {cause}; check the network and the name server in /etc/resolv.conf")
}

/// std's words for a failure of getaddrinfo(3), which has no error kind of its own.
const RESOLVER_PREFIX: &str = "failed to lookup address information: ";

fn of_io(error: &io::Error, route: Route<'_>) -> String {
    let host = route.host;
    if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return of_tls(tls, host);
    }
    let text = error.to_string();
    if let Some(cause) = text.strip_prefix(RESOLVER_PREFIX) {
        return unresolved(&route.next_hop(), cause);
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => format!("{}: connection refused", route.next_hop()),
        io::ErrorKind::UnexpectedEof => format!("{host} closed the connection without an answer"),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => format!("{host} broke the connection off"),
        _ => format!("{}: {text}", route.next_hop()),
    }
}

fn of_timeout(stage: Timeout, route: Route<'_>) -> String {
    let host = route.host;
    match stage {
        Timeout::Connect => format!("timed out while connecting to {} (TCP or TLS)", route.next_hop()),
        Timeout::SendRequest | Timeout::SendBody => format!("timed out while sending to {host}"),
        Timeout::RecvBody => format!("timed out in the middle of {host}'s answer"),
        _ => format!("timed out: {host} took the request and did not answer"),
    }
}

fn of_tls(error: &rustls::Error, host: &str) -> String {
    use CertificateError as Bad;
    let rustls::Error::InvalidCertificate(bad) = error else {
        return format!("TLS with {host} failed: {error}");
    };
    match bad {
        Bad::Expired | Bad::ExpiredContext { .. } | Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
            format!("the certificate of {host} is not valid at this time: {bad}; check this machine's clock")
        }
        Bad::UnknownIssuer => format!(
            "the certificate of {host} is signed by an authority that this system does not know: check the clock, \
             update ca-certificates, or name the authority's file in SSL_CERT_FILE"
        ),
        Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
            format!("the certificate that {host} shows is for another host: something else answers at that address")
        }
        _ => format!("the certificate of {host} is not valid: {bad}; check the clock and update ca-certificates"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIRECT: Route<'_> = Route { host: "qyapi.weixin.qq.com", proxy: None };

    fn text(error: ureq::Error, route: Route<'_>) -> String {
        explain(&error, route).to_string()
    }

    fn tls(bad: CertificateError) -> ureq::Error {
        let error = rustls::Error::InvalidCertificate(bad);
        ureq::Error::Io(io::Error::new(io::ErrorKind::InvalidData, error))
    }

    #[test]
    fn each_fault_is_told_apart_and_says_what_to_look_at() {
        let refused = || ureq::Error::Io(io::ErrorKind::ConnectionRefused.into());
        let lookup = io::Error::other(format!("{RESOLVER_PREFIX}Name or service not known"));
        let cases = [
            (text(refused(), DIRECT), "qyapi.weixin.qq.com: connection refused"),
            (text(ureq::Error::Io(lookup), DIRECT), "Name or service not known; check the network and the name server"),
            (text(tls(CertificateError::Expired), DIRECT), "check this machine's clock"),
            (text(tls(CertificateError::UnknownIssuer), DIRECT), "update ca-certificates"),
            (text(tls(CertificateError::NotValidForName), DIRECT), "is for another host"),
            (text(ureq::Error::Timeout(Timeout::Connect), DIRECT), "timed out while connecting to qyapi"),
            (text(ureq::Error::Timeout(Timeout::RecvResponse), DIRECT), "took the request and did not answer"),
            (text(ureq::Error::Timeout(Timeout::RecvBody), DIRECT), "in the middle of"),
            (
                text(refused(), Route { proxy: Some("ALL_PROXY"), ..DIRECT }),
                "the proxy that ALL_PROXY names: connection",
            ),
        ];
        for (told, expected) in cases {
            assert!(told.contains(expected), "{told} does not say {expected}");
        }
    }

    #[test]
    fn an_error_that_holds_the_url_is_told_without_it() {
        let told = text(ureq::Error::BadUri("https://host/send?key=secret".to_owned()), DIRECT);
        assert_eq!(told, "the request to qyapi.weixin.qq.com failed");
    }
}
