//! Which proxy a request goes through: curl's variables and their meaning, read here because ureq's own reading takes
//! `ALL_PROXY` before `HTTPS_PROXY`, takes `HTTP_PROXY` for https, sends loopback through the proxy, ignores what it
//! cannot read, and takes `example.com` in `NO_PROXY` for that one name.
//!
//! A proxy is used for https alone, by CONNECT, so that it sees the host and nothing of the URL. A plain http webhook
//! is one on this machine or this network.

use super::{Error, Target};

/// curl's order: curl(1), "ENVIRONMENT".
const VARIABLES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

#[derive(Debug)]
pub struct EnvironmentProxy {
    /// The variable that names it, which is what an error may show: the value can hold a password.
    pub variable: &'static str,
    pub address: ureq::Proxy,
}

/// The proxy for `target`, where the environment, asked through `variable`, names one.
///
/// # Errors
/// A proxy is named that cannot be used. Going without it would only fail later, and less clearly.
pub fn of_environment(
    target: &Target,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<EnvironmentProxy>, Error> {
    let value_of = |name: &&str| variable(name).filter(|value| !value.trim().is_empty());
    if !target.https || target.is_loopback() {
        return Ok(None);
    }
    if ["no_proxy", "NO_PROXY"].iter().find_map(value_of).is_some_and(|list| excepts(&list, &target.host)) {
        return Ok(None);
    }
    let Some((name, value)) = VARIABLES.iter().find_map(|name| Some((*name, value_of(name)?))) else {
        return Ok(None);
    };
    let address = ureq::Proxy::new(value.trim())
        .ok()
        .filter(|proxy| matches!(proxy.protocol(), ureq::ProxyProtocol::Http | ureq::ProxyProtocol::Https))
        .ok_or_else(|| Error(format!("{name} is not an HTTP proxy's address: write http://HOST:PORT")))?;
    Ok(Some(EnvironmentProxy { variable: name, address }))
}

/// Whether `host` is on the list of `NO_PROXY`: names that hold for what is below them too, and `*` for all.
fn excepts(list: &str, host: &str) -> bool {
    list.split([',', ' ']).map(|entry| entry.trim_start_matches("*.").trim_start_matches('.')).any(|entry| {
        let entry = entry.to_ascii_lowercase();
        entry == "*" || host == entry || (!entry.is_empty() && host.ends_with(&format!(".{entry}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROBOT: &str = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k";

    fn proxy_of(url: &str, environment: &[(&str, &str)]) -> Result<Option<String>, String> {
        let value = |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        of_environment(&Target::of(url).unwrap(), value)
            .map(|found| found.map(|proxy| format!("{} {}", proxy.variable, proxy.address.uri())))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_proxy_for_https_comes_before_the_one_for_all() {
        let both = [("ALL_PROXY", "http://all:1"), ("HTTPS_PROXY", "http://secure:2")];
        assert_eq!(proxy_of(ROBOT, &both).unwrap().unwrap(), "HTTPS_PROXY http://secure:2/");
        assert_eq!(proxy_of(ROBOT, &both[..1]).unwrap().unwrap(), "ALL_PROXY http://all:1/");
        assert_eq!(proxy_of(ROBOT, &[("https_proxy", "host:3128")]).unwrap().unwrap(), "https_proxy http://host:3128/");
    }

    #[test]
    fn what_is_not_for_https_is_not_used() {
        assert_eq!(proxy_of(ROBOT, &[("HTTP_PROXY", "http://plain:1"), ("HTTPS_PROXY", " ")]), Ok(None));
        assert_eq!(proxy_of("http://10.0.0.1/", &[("ALL_PROXY", "http://all:1")]), Ok(None));
    }

    #[test]
    fn loopback_needs_no_exception() {
        assert_eq!(proxy_of("https://localhost:8443/", &[("HTTPS_PROXY", "http://secure:2")]), Ok(None));
    }

    #[test]
    fn no_proxy_holds_for_a_name_and_all_below_it() {
        for list in ["*", "qyapi.weixin.qq.com", "weixin.qq.com", ".weixin.qq.com", "*.qq.com", "10.0.0.1, QQ.com"] {
            assert_eq!(proxy_of(ROBOT, &[("HTTPS_PROXY", "http://secure:2"), ("NO_PROXY", list)]), Ok(None), "{list}");
        }
        for list in ["example.com", "api.weixin.qq.com", "q.com", ",", "."] {
            let found = proxy_of(ROBOT, &[("HTTPS_PROXY", "http://secure:2"), ("no_proxy", list)]);
            assert!(found.unwrap().is_some(), "{list}");
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_an_error_without_its_password() {
        for value in ["socks5://user:pass@host:1080", "http://user:pass@", "gopher://user:pass@host"] {
            let error = proxy_of(ROBOT, &[("HTTPS_PROXY", value)]).unwrap_err();
            assert!(error.starts_with("HTTPS_PROXY is not an HTTP proxy's address"), "{error}");
            assert!(!error.contains("pass"), "{error}");
        }
    }
}
