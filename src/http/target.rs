//! The parts of a URL that are no secret: scheme, host and port.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use ureq::http::Uri;

use super::Error;
use crate::secret::Secret;

/// The destination of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub https: bool,
    /// A name or an address, an IPv6 address without its brackets.
    pub host: String,
    pub port: u16,
}

impl Target {
    /// `None` for a text that is not an absolute http or https URL.
    pub fn of(url: &str) -> Option<Target> {
        let uri: Uri = url.parse().ok()?;
        let https = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = uri.authority()?;
        // For `port_u16`, an authority whose port is not a number has no port.
        let port = match authority.port_u16() {
            Some(port) => port,
            None if !authority.as_str().ends_with(authority.host()) => return None,
            None if https => 443,
            None => 80,
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        (!host.is_empty()).then(|| Target { https, host: host.to_ascii_lowercase(), port })
    }

    /// Whether it leads to this machine.
    pub fn is_loopback(&self) -> bool {
        let by_name = self.host == "localhost" || self.host.ends_with(".localhost");
        by_name || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// `HOST:PORT`.
    pub fn authority(&self) -> String {
        authority(&self.host, self.port)
    }

    /// `SCHEME://HOST`, with the port unless it is the scheme's own.
    pub fn origin(&self) -> String {
        let (scheme, own) = if self.https { ("https", 443) } else { ("http", 80) };
        let authority = self.authority();
        let own = format!(":{own}");
        format!("{scheme}://{}", authority.strip_suffix(&*own).unwrap_or(&authority))
    }
}

/// `HOST:PORT`, an IPv6 address in brackets (RFC 3986 section 3.2.2).
pub fn authority(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// A URL as people may see it: its host, and the last four characters behind it. A short end is not shown at all.
pub fn masked(url: &Secret) -> String {
    let url = url.expose();
    let host = Target::of(&url).map(|target| target.host).unwrap_or_default();
    let last = url.rsplit(|c: char| c.is_ascii_punctuation() && !matches!(c, '-' | '_')).next().unwrap_or_default();
    format!("{host}/{}", Secret::new(last))
}

/// Asks getaddrinfo(3) for every address of `host`, in the order that the system prefers (RFC 6724).
///
/// It blocks for as long as the name servers let it, and only the end of the process interrupts it.
///
/// # Errors
/// The resolver's own words, and the place to look at.
pub fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
    let cause = match (host, port).to_socket_addrs() {
        Ok(addresses) => {
            let addresses: Vec<_> = addresses.collect();
            if !addresses.is_empty() {
                return Ok(addresses);
            }
            "no address".to_owned()
        }
        // std's words for a failure of getaddrinfo(3), which has no error kind of its own.
        Err(error) => error.to_string().replace("failed to lookup address information: ", ""),
    };
    Err(Error(format!(
        "cannot resolve the name {host}: {cause}; check the network and the name server in /etc/resolv.conf"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_told_by_scheme_host_and_port() {
        let target = Target::of("https://QYapi.weixin.qq.com/cgi-bin/webhook/send?key=k").unwrap();
        assert_eq!(target, Target { https: true, host: "qyapi.weixin.qq.com".to_owned(), port: 443 });
        assert!(!Target::of("http://10.0.0.1:8080").unwrap().https);
        for not_a_url in
            ["", "key", "ftp://host/", "https://", "https:///path", "qyapi.weixin.qq.com/cgi", "http://a b/"]
        {
            assert_eq!(Target::of(not_a_url), None, "{not_a_url}");
        }
    }

    #[test]
    fn the_origin_has_a_port_where_it_needs_one() {
        for origin in ["http://relay", "https://relay:80", "http://[::1]:8080", "https://[::1]"] {
            assert_eq!(Target::of(&format!("{origin}/path?query")).unwrap().origin(), origin);
        }
        assert_eq!(Target::of("http://Relay:80/").unwrap().origin(), "http://relay");
    }

    #[test]
    fn a_port_is_a_number_or_the_schemes() {
        for (url, port) in [
            ("http://relay/", 80),
            ("http://user:pass@relay:8080/", 8080),
            ("https://[2001:db8::1]/", 443),
            ("https://[2001:db8::1]:8443/", 8443),
        ] {
            assert_eq!(Target::of(url).map(|target| target.port), Some(port), "{url}");
        }
        for url in ["http://relay:99999/", "http://relay:/", "http://relay:http/", "http://[::1]:x/"] {
            assert_eq!(Target::of(url), None, "{url}");
        }
    }

    #[test]
    fn loopback_is_known_by_name_and_by_address() {
        for url in ["http://localhost:1/", "http://a.localhost/", "http://127.9.9.9/", "http://[::1]:8080/x"] {
            assert!(Target::of(url).unwrap().is_loopback(), "{url}");
        }
        for url in ["http://localhost.example.com/", "http://10.0.0.1/", "http://[2001:db8::1]/"] {
            assert!(!Target::of(url).unwrap().is_loopback(), "{url}");
        }
    }

    #[test]
    fn an_address_resolves_to_itself_and_a_name_that_cannot_be_says_so() {
        assert_eq!(resolve("::1", 80).unwrap(), ["[::1]:80".parse().unwrap()]);
        // The resolver itself refuses a label of over 63 characters, without asking a name server.
        let told = resolve(&format!("{}.invalid", "x".repeat(64)), 80).unwrap_err().to_string();
        assert!(told.starts_with("cannot resolve the name xxx") && !told.contains("lookup"), "{told}");
    }
}
