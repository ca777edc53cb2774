//! Explains a failed request in one line for people: the stage, the host, and the place to look at.
//!
//! Only texts that cannot hold the URL are passed on: those of the operating system, of the resolver, of a proxy's
//! handshake and of the certificate's check. For anything else that ureq would print there are words of our own.

use std::io;

use rustls::{AlertDescription, InvalidMessage, PeerIncompatible};

use super::connector::Stage;
use super::proxy::Proxy;
use super::tunnel::Refusal;
use super::{Error, certificate};

/// The way of a request, as far as an error may name it.
#[derive(Clone, Copy, Debug)]
pub struct Route<'a> {
    pub host: &'a str,
    pub proxy: Option<&'a Proxy>,
    /// The stage that it reached.
    pub stage: Stage,
}

impl Route<'_> {
    /// The other end of the connection in this stage.
    fn peer(self) -> String {
        match self.proxy {
            Some(proxy) if matches!(self.stage, Stage::Connecting | Stage::Proxy) => proxy.to_string(),
            _ => self.host.to_owned(),
        }
    }
}

pub fn explain(error: &ureq::Error, route: Route<'_>) -> Error {
    let peer = route.peer();
    Error(match error {
        ureq::Error::Io(error) => of_io(error, route),
        ureq::Error::Rustls(error) => of_tls(error, &peer),
        ureq::Error::Tls(_) => format!("TLS with {peer} failed: its name cannot stand in a certificate"),
        ureq::Error::Timeout(_) => of_timeout(route),
        ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => {
            format!("{peer} does not answer in HTTP: check the scheme and the port of the URL")
        }
        ureq::Error::Other(error) => match error.downcast_ref::<Refusal>() {
            Some(refusal) => refusal.to_string(),
            None => format!("the request to {peer} failed"),
        },
        _ => format!("the request to {peer} failed"),
    })
}

fn of_io(error: &io::Error, route: Route<'_>) -> String {
    let peer = route.peer();
    if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return of_tls(tls, &peer);
    }
    let at = match route.stage {
        Stage::Connecting => "",
        Stage::Proxy => " in its handshake",
        Stage::Tls => " in the TLS handshake",
        Stage::Sending => " while the request was sent",
        Stage::Waiting => " without an answer",
        Stage::Reading => " in the middle of its answer",
    };
    match error.kind() {
        io::ErrorKind::UnexpectedEof => format!("{peer} closed the connection{at}"),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
            format!("{peer} broke off the connection{at}")
        }
        _ => format!("{peer}: {error}"),
    }
}

fn of_timeout(route: Route<'_>) -> String {
    let peer = route.peer();
    match route.stage {
        Stage::Connecting => format!("timed out while connecting to {peer}"),
        Stage::Proxy => format!("timed out: {peer} accepted the connection but does not answer"),
        Stage::Tls => format!("timed out in the TLS handshake: {peer} accepted the connection but does not answer"),
        Stage::Sending => format!("timed out while sending to {peer}"),
        Stage::Waiting => format!("timed out: {peer} accepted the request but did not answer"),
        Stage::Reading => format!("timed out in the middle of {peer}'s answer"),
    }
}

/// An error of TLS with `peer`.
pub fn of_tls(error: &rustls::Error, peer: &str) -> String {
    match error {
        rustls::Error::InvalidCertificate(bad) => certificate::explain(bad, peer),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            format!("{peer} does not speak TLS at that port: check the scheme (http or https) and the port of the URL")
        }
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
        | rustls::Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13) => {
            format!("{peer} has no TLS version that is still secure: it needs TLS 1.2 or 1.3 ({error})")
        }
        // OpenSSL's answer to each of them.
        rustls::Error::AlertReceived(AlertDescription::HandshakeFailure) | rustls::Error::PeerIncompatible(_) => {
            format!(
                "{peer} has no TLS version, cipher or kind of key that this program takes: it needs TLS 1.2 or 1.3 with \
             ECDHE; as to its certificate, {} ({error})",
                certificate::STRONG_ONE
            )
        }
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            format!("{peer} asks for a certificate of the sender (mutual TLS), and this program has none")
        }
        rustls::Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            format!("{peer} does not serve that name: check the host in the URL")
        }
        rustls::Error::AlertReceived(alert) => format!("{peer} broke off the TLS handshake: {alert:?}"),
        _ => format!("TLS with {peer} failed: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use rustls::CertificateError;
    use ureq::Timeout;

    use super::*;
    use crate::http::proxy::Protocol;

    fn text(error: ureq::Error, stage: Stage, proxy: Option<&Proxy>) -> String {
        explain(&error, Route { host: "qyapi.weixin.qq.com", proxy, stage }).to_string()
    }

    fn io(kind: io::ErrorKind) -> ureq::Error {
        ureq::Error::Io(kind.into())
    }

    fn tls(error: rustls::Error) -> ureq::Error {
        ureq::Error::Io(io::Error::new(io::ErrorKind::InvalidData, error))
    }

    #[test]
    fn each_fault_is_told_apart_and_says_what_to_look_at() {
        let bad = |bad| tls(rustls::Error::InvalidCertificate(bad));
        let alert = |alert| tls(rustls::Error::AlertReceived(alert));
        for (error, stage, expected) in [
            (bad(CertificateError::Expired), Stage::Tls, "the certificate of qyapi.weixin.qq.com is expired"),
            (bad(CertificateError::UnknownIssuer), Stage::Tls, "update ca-certificates"),
            (tls(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)), Stage::Tls, "does not speak TLS"),
            (alert(AlertDescription::ProtocolVersion), Stage::Tls, "TLS 1.2"),
            (alert(AlertDescription::HandshakeFailure), Stage::Tls, "cipher or kind of key"),
            (alert(AlertDescription::CertificateRequired), Stage::Tls, "mutual TLS"),
            (alert(AlertDescription::UnrecognisedName), Stage::Tls, "check the host"),
            (alert(AlertDescription::InternalError), Stage::Tls, "InternalError"),
            (io(io::ErrorKind::UnexpectedEof), Stage::Waiting, "closed the connection without an answer"),
            (io(io::ErrorKind::ConnectionReset), Stage::Tls, "broke off the connection in the TLS handshake"),
            (ureq::Error::Timeout(Timeout::Global), Stage::Tls, "timed out in the TLS handshake"),
            (ureq::Error::Timeout(Timeout::Global), Stage::Sending, "timed out while sending"),
            (ureq::Error::Timeout(Timeout::Global), Stage::Waiting, "accepted the request but did not answer"),
            (ureq::Error::Timeout(Timeout::Global), Stage::Reading, "in the middle of"),
            (ureq::Error::LargeResponseHeader(2, 1), Stage::Reading, "does not answer in HTTP"),
        ] {
            let told = text(error, stage, None);
            assert!(told.contains(expected) && told.contains("qyapi.weixin.qq.com"), "{told} does not say {expected}");
        }
    }

    #[test]
    fn up_to_its_handshake_the_proxy_is_to_blame_and_behind_it_the_target() {
        let proxy =
            Proxy { variable: "ALL_PROXY", kind: Protocol::Http, host: "secret".to_owned(), port: 1, login: None };
        let told = |stage| text(io(io::ErrorKind::ConnectionReset), stage, Some(&proxy));
        assert_eq!(told(Stage::Proxy), "the proxy that ALL_PROXY names broke off the connection in its handshake");
        assert_eq!(told(Stage::Tls), "qyapi.weixin.qq.com broke off the connection in the TLS handshake");
    }

    #[test]
    fn an_error_that_holds_the_url_is_told_without_it() {
        let told = text(ureq::Error::BadUri("https://host/send?key=secret".to_owned()), Stage::Connecting, None);
        assert_eq!(told, "the request to qyapi.weixin.qq.com failed");
    }
}
