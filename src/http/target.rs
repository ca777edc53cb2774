//! What a URL says of where it leads, as far as that is no secret: its scheme and its host.

use std::net::IpAddr;

use ureq::http::Uri;

/// Where a URL leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub https: bool,
    /// A name or an address, an IPv6 address without its brackets.
    pub host: String,
}

impl Target {
    /// `None` for what is not an absolute http or https URL.
    pub fn of(url: &str) -> Option<Target> {
        let uri: Uri = url.parse().ok()?;
        let https = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
        (!host.is_empty()).then(|| Target { https, host: host.to_ascii_lowercase() })
    }

    /// Whether it leads to this machine.
    pub fn is_loopback(&self) -> bool {
        let by_name = self.host == "localhost" || self.host.ends_with(".localhost");
        by_name || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_told_by_scheme_and_host() {
        let target = Target::of("https://QYapi.weixin.qq.com/cgi-bin/webhook/send?key=k").unwrap();
        assert_eq!(target, Target { https: true, host: "qyapi.weixin.qq.com".to_owned() });
        assert!(!Target::of("http://10.0.0.1:8080").unwrap().https);
        for not_a_url in
            ["", "key", "ftp://host/", "https://", "https:///path", "qyapi.weixin.qq.com/cgi", "http://a b/"]
        {
            assert_eq!(Target::of(not_a_url), None, "{not_a_url}");
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
}
