//! The address of a mail server, as a URL: `smtps://HOST`, `smtp+starttls://HOST`, `smtp://HOST`.

use std::net::IpAddr;

/// How a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// From the first byte.
    Tls,
    /// By STARTTLS, or not used.
    StartTls,
    /// Not at all.
    None,
}

/// A mail server, and the login that its URL has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    pub security: Security,
    pub host: String,
    pub port: u16,
    /// Decoded; empty: none.
    pub user: String,
}

impl Server {
    /// `None`: this is no such URL. A user's name may hold `@`, or be percent-encoded.
    pub fn of(url: &str) -> Option<Server> {
        let (scheme, rest) = url.trim().split_once("://")?;
        let (security, own_port) = match &*scheme.to_ascii_lowercase() {
            "smtps" => (Security::Tls, 465),
            "smtp+starttls" => (Security::StartTls, 587),
            "smtp" => (Security::None, 25),
            _ => return None,
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user, place) = rest.rsplit_once('@').unwrap_or(("", rest));
        let user = percent_encoding::percent_decode_str(user).decode_utf8().ok()?.into_owned();
        let (host, port) = match place.strip_prefix('[').and_then(|place| place.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':').or_else(|| port.is_empty().then_some(""))?),
            None => place.split_once(':').unwrap_or((place, "")),
        };
        let port = if port.is_empty() { own_port } else { port.parse().ok().filter(|port| *port > 0)? };
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let is_host = host.parse::<IpAddr>().is_ok() || (!host.is_empty() && host.chars().all(is_of_name));
        let is_user = !user.contains(char::is_control);
        (is_host && is_user).then(|| Server { security, host: host.to_ascii_lowercase(), port, user })
    }

    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_encryption_host_port_and_user() {
        let of = |url| Server::of(url).map(|server| (server.security, server.host, server.port, server.user));
        let server = |security, host: &str, port, user: &str| Some((security, host.to_owned(), port, user.to_owned()));
        assert_eq!(of("smtps://smtp.example.com"), server(Security::Tls, "smtp.example.com", 465, ""));
        assert_eq!(of("SMTPS://a@b.c@Smtp.example.com:994/"), server(Security::Tls, "smtp.example.com", 994, "a@b.c"));
        assert_eq!(of("smtp+starttls://a%40b.c@m.example"), server(Security::StartTls, "m.example", 587, "a@b.c"));
        assert_eq!(of("smtp://localhost"), server(Security::None, "localhost", 25, ""));
        assert_eq!(of("smtp://[::1]:2525"), server(Security::None, "::1", 2525, ""));
        for url in [
            "smtp.example.com",
            "https://smtp.example.com",
            "smtps://",
            "smtps://a b",
            "smtps://h:0",
            "smtps://h:x",
            "smtps://h/path",
            "smtps://[::1]x",
            "smtps://a%0d@h",
        ] {
            assert_eq!(of(url), None, "{url}");
        }
        assert!(Server::of("smtp://127.0.0.1").unwrap().is_loopback());
        assert!(!Server::of("smtp://localhost.example.com").unwrap().is_loopback());
    }
}
