//! Chooses the proxy of a request, by the variables and the notation of curl(1) ("ENVIRONMENT", `--proxy`).
//!
//! They are read here because ureq's own reading takes `ALL_PROXY` before `HTTPS_PROXY`, takes `HTTP_PROXY` for https,
//! sends loopback through the proxy, ignores values that it cannot read, and has other default ports.

mod exceptions;

use std::fmt;

use percent_encoding::percent_decode_str;

use super::target::authority;
use super::{Error, Target};
use crate::secret::Secret;
use exceptions::excepts;

/// A proxy, and the variable that names it. An error may show only the variable, as the value can hold a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    pub variable: &'static str,
    pub kind: Protocol,
    pub host: String,
    pub port: u16,
    pub login: Option<Login>,
}

/// The protocol of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP: `CONNECT` for https, the whole URL in the request line for http.
    Http,
    /// The same inside TLS.
    Https,
    /// With an IPv4 address; the name is looked up here.
    Socks4,
    /// With a name, which the proxy looks up.
    Socks4a,
    /// With an address; the name is looked up here.
    Socks5,
    /// With a name, which the proxy looks up.
    Socks5h,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    pub user: Secret,
    pub password: Secret,
}

/// A proxy's port if none is written: curl(1), `--proxy`.
const DEFAULT_PORT: u16 = 1080;
const DEFAULT_HTTPS_PORT: u16 = 443;

const NOTATION: &str = "write http://HOST:PORT, or https://, socks4://, socks4a://, socks5://, socks5h://";

/// The variables for every protocol.
pub const FOR_ALL: [&str; 2] = ["all_proxy", "ALL_PROXY"];

/// All variables that are read here.
pub const VARIABLES: [&str; 7] =
    ["https_proxy", "HTTPS_PROXY", "http_proxy", FOR_ALL[0], FOR_ALL[1], EXCEPTIONS[0], EXCEPTIONS[1]];

/// The variables with the targets that need none.
const EXCEPTIONS: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// The variables for a URL; the first one that is set counts. `HTTP_PROXY` is not among them: in a CGI script it holds
/// a client's `Proxy:` header.
fn variables(target: &Target) -> &'static [&'static str] {
    if target.https {
        &["https_proxy", "HTTPS_PROXY", FOR_ALL[0], FOR_ALL[1]]
    } else {
        &["http_proxy", FOR_ALL[0], FOR_ALL[1]]
    }
}

/// The proxy for `target`, if the environment, read through `variable`, names one. Targets on this machine need none.
///
/// # Errors
/// A proxy is named that cannot be used. Going without it would only fail later, and less clearly.
pub fn of_environment(target: &Target, variable: impl Fn(&str) -> Option<String>) -> Result<Option<Proxy>, Error> {
    named_by(variables(target), target, variable)
}

/// The same by these variables, of which the first one that is set counts.
///
/// # Errors
/// See [`of_environment`].
pub fn named_by(
    variables: &[&'static str],
    target: &Target,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>, Error> {
    let value_of = |name: &&str| variable(name).filter(|value| !value.trim().is_empty());
    if target.is_loopback() {
        return Ok(None);
    }
    if EXCEPTIONS.iter().find_map(value_of).is_some_and(|list| excepts(&list, target)) {
        return Ok(None);
    }
    match variables.iter().find_map(|name| Some((*name, value_of(name)?))) {
        Some((name, value)) => parse(name, value.trim()).map(Some),
        None => Ok(None),
    }
}

/// `[SCHEME://][USER[:PASSWORD]@]HOST[:PORT]`, without a scheme: HTTP.
fn parse(variable: &'static str, value: &str) -> Result<Proxy, Error> {
    let bad = |what: &str| Error(format!("{variable} {what}: {NOTATION}"));
    let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
    let kind = match &*scheme.to_ascii_lowercase() {
        "http" => Protocol::Http,
        "https" => Protocol::Https,
        // As curl has it; other programs take this for SOCKS5.
        "socks4" | "socks" => Protocol::Socks4,
        "socks4a" => Protocol::Socks4a,
        "socks5" => Protocol::Socks5,
        "socks5h" => Protocol::Socks5h,
        _ => return Err(bad("names a kind of proxy that is not known")),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (login, host_and_port) = match rest[..end].rsplit_once('@') {
        Some((login, rest)) => (Some(login), rest),
        None => (None, &rest[..end]),
    };
    let (host, port) = split_port(host_and_port).ok_or_else(|| bad("is not a proxy's address"))?;
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(bad("is not a proxy's address"));
    }
    let default_port = if kind == Protocol::Https { DEFAULT_HTTPS_PORT } else { DEFAULT_PORT };
    let login = login.map(Login::parse).transpose().map_err(|()| bad("holds a login that is not UTF-8"))?;
    Ok(Proxy { variable, kind, host: host.to_owned(), port: port.unwrap_or(default_port), login })
}

/// `HOST`, `HOST:PORT`, `[ADDRESS]` or `[ADDRESS]:PORT`; `None` if the port is not a number.
fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            (host, after.strip_prefix(':').or_else(|| after.is_empty().then_some(""))?)
        }
        // An address without brackets has no port.
        None if text.matches(':').count() > 1 => (text, ""),
        None => text.split_once(':').unwrap_or((text, "")),
    };
    if port.is_empty() { Some((host, None)) } else { Some((host, Some(port.parse().ok()?))) }
}

impl Proxy {
    /// Whether it tunnels the bytes between this host and the target without understanding them.
    pub fn tunnels(&self, target: &Target) -> bool {
        target.https || !matches!(self.kind, Protocol::Http | Protocol::Https)
    }

    /// Whether it takes only an address, so that the target's name is looked up here.
    pub fn wants_address(&self) -> bool {
        matches!(self.kind, Protocol::Socks4 | Protocol::Socks5)
    }

    pub fn authority(&self) -> String {
        authority(&self.host, self.port)
    }
}

/// Its name in an error.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the proxy that {} names", self.variable)
    }
}

impl Login {
    /// `USER[:PASSWORD]` of a URL, percent-encoded.
    pub fn parse(text: &str) -> Result<Login, ()> {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        let decoded = |part: &str| percent_decode_str(part).decode_utf8().map(Secret::new).map_err(|_| ());
        Ok(Login { user: decoded(user)?, password: decoded(password)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROBOT: &str = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k";

    fn proxy_of(url: &str, environment: &[(&str, &str)]) -> Result<Option<Proxy>, String> {
        let value = |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        of_environment(&Target::of(url).unwrap(), value).map_err(|error| error.to_string())
    }

    /// The variable, the kind, and the address.
    fn used(url: &str, environment: &[(&str, &str)]) -> Option<String> {
        let proxy = proxy_of(url, environment).unwrap()?;
        Some(format!("{} {:?} {}", proxy.variable, proxy.kind, proxy.authority()))
    }

    #[test]
    fn the_proxy_of_the_scheme_comes_before_the_one_for_all_and_lower_case_before_upper_case() {
        let all = [
            ("ALL_PROXY", "http://all:1"),
            ("all_proxy", "http://low:2"),
            ("HTTPS_PROXY", "http://secure:3"),
            ("https_proxy", "http://first:4"),
        ];
        for (count, expected) in [
            (4, "https_proxy Http first:4"),
            (3, "HTTPS_PROXY Http secure:3"),
            (2, "all_proxy Http low:2"),
            (1, "ALL_PROXY Http all:1"),
        ] {
            assert_eq!(used(ROBOT, &all[..count]).unwrap(), expected);
        }
        assert_eq!(used(ROBOT, &[]), None);
        assert_eq!(used(ROBOT, &[("HTTPS_PROXY", " ")]), None);
    }

    #[test]
    fn plain_http_has_its_own_variable_in_lower_case_alone() {
        let relay = "http://relay.example.com/send";
        assert_eq!(used(relay, &[("http_proxy", "host:3128")]).unwrap(), "http_proxy Http host:3128");
        assert_eq!(used(relay, &[("HTTP_PROXY", "host:3128")]), None);
        assert_eq!(used(relay, &[("HTTPS_PROXY", "host:3128")]), None);
        assert_eq!(used(relay, &[("ALL_PROXY", "socks5h://host")]).unwrap(), "ALL_PROXY Socks5h host:1080");
        assert_eq!(used(ROBOT, &[("http_proxy", "host:3128")]), None);
    }

    #[test]
    fn loopback_needs_no_exception() {
        for url in ["https://localhost:8443/", "http://127.0.0.1:8080/", "https://[::1]/"] {
            assert_eq!(used(url, &[("ALL_PROXY", "http://all:1")]), None, "{url}");
        }
    }

    #[test]
    fn a_proxy_is_read_in_curls_notation() {
        for (value, kind, host, port) in [
            ("proxy.example.com", Protocol::Http, "proxy.example.com", 1080),
            ("HTTP://proxy:8080/", Protocol::Http, "proxy", 8080),
            ("https://proxy", Protocol::Https, "proxy", 443),
            ("socks://10.0.0.1:1", Protocol::Socks4, "10.0.0.1", 1),
            ("socks4://10.0.0.1", Protocol::Socks4, "10.0.0.1", 1080),
            ("socks4a://proxy:1", Protocol::Socks4a, "proxy", 1),
            ("socks5://[2001:db8::1]:9/x?y#z", Protocol::Socks5, "2001:db8::1", 9),
            ("socks5h://[::1]", Protocol::Socks5h, "::1", 1080),
            ("2001:db8::1", Protocol::Http, "2001:db8::1", 1080),
        ] {
            let proxy = proxy_of(ROBOT, &[("ALL_PROXY", value)]).unwrap().unwrap();
            assert_eq!((proxy.kind, &*proxy.host, proxy.port, proxy.login), (kind, host, port, None), "{value}");
        }
        let proxy = proxy_of(ROBOT, &[("ALL_PROXY", "http://me%40home:p%3Aw@d@proxy:1")]).unwrap().unwrap();
        let login = proxy.login.unwrap();
        assert_eq!((&*login.user.expose(), &*login.password.expose(), &*proxy.host), ("me@home", "p:w@d", "proxy"));
        assert_eq!(proxy_of(ROBOT, &[("ALL_PROXY", "u@h")]).unwrap().unwrap().login.unwrap().password.expose(), "");
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_an_error_without_its_password() {
        for value in [
            "gopher://user:pass@host",
            "http://user:pass@",
            "http://user:pass@host:port",
            "http://user:pass@host:99999",
            "http://user:pass@[::1",
            "http://user:pass@[::1]x",
            "http://user:pass@ho st",
            "http://us%ffer:pass@host",
            "http://",
        ] {
            let error = proxy_of(ROBOT, &[("HTTPS_PROXY", value)]).unwrap_err();
            assert!(error.starts_with("HTTPS_PROXY ") && error.contains("write http://HOST:PORT"), "{error}");
            assert!(!error.contains("pass"), "{error}");
        }
    }

    #[test]
    fn what_is_excepted_goes_without() {
        let with = |list| used(ROBOT, &[("HTTPS_PROXY", "http://secure:2"), ("NO_PROXY", list)]);
        assert_eq!(with("weixin.qq.com"), None);
        assert!(with("example.com").is_some());
        // The lower-case one counts, unless it is empty.
        let both = |low| used(ROBOT, &[("ALL_PROXY", "http://all:1"), ("no_proxy", low), ("NO_PROXY", "*")]);
        assert!(both("example.com").is_some());
        assert_eq!(both(""), None);
    }

    proptest::proptest! {
        #[test]
        fn any_value_is_a_proxy_or_an_error_that_does_not_show_it(value in "\\PC{12,60}") {
            if let Err(error) = parse("ALL_PROXY", &value) {
                proptest::prop_assert!(!error.to_string().contains(&value));
            }
        }
    }
}
