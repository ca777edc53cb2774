//! One HTTP request: a body sent to a URL that is a secret.
//!
//! [`post`] blocks, so it runs in a worker process (see [`crate::worker`]), never in the agent itself. It follows no
//! redirect, as that would carry the secret elsewhere; it sends the request once, whatever happens; it judges no
//! status, because that is the channel's task. Every failure becomes one line that names the stage, the host and the
//! place to look at, never the URL.
//!
//! One deadline holds for all stages but the lookup of a name, which cannot be interrupted from inside: the worker's
//! end bounds that.

mod body;
mod certificate;
mod connect;
mod connector;
mod exchange;
mod explain;
mod proxy;
mod reach;
mod roots;
mod target;
mod tunnel;

use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::transport::{Connector, RustlsConnector};

use crate::clock::{Boot, boot_now};
use connector::{AlreadyResolved, ProgressConnector, RequestProgress, TargetConnector};
use explain::{Route, explain};
use proxy::{Login, Protocol, Proxy};
use target::resolve;

pub use body::{BodyPart, base64_lines, with_file};
pub use exchange::{KEPT_HEADERS, Method, Request, Response};
pub(crate) use explain::of_tls;
pub use proxy::VARIABLES as PROXY_VARIABLES;
pub(crate) use reach::reach;
pub(crate) use roots::trusted_roots;
pub use target::{Target, masked};

/// The bound of an answer. No vendor's answer is longer; the rest is not read.
pub const MAX_BODY_BYTES: u64 = 64 * 1024;

/// The bound of a kept header.
const MAX_HEADER_BYTES: usize = 256;

const USER_AGENT: &str = concat!("vps-monitor/", env!("CARGO_PKG_VERSION"));

/// The reason why no answer came: one line, without the URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{0}")]
pub struct Error(pub String);

const NOT_FOLLOWED: &str = ", which is not followed: the URL is a secret";

impl Error {
    /// Whether the answer was a redirect.
    pub fn is_redirect(&self) -> bool {
        self.0.contains(NOT_FOLLOWED)
    }
}

/// The result of a post.
pub type Answer = Result<Response, Error>;

/// Sends `request` and reads the answer, until `deadline`. Before a step that cannot be interrupted, `hangs` is told
/// the error to report if the step never ends; after it, an empty text.
///
/// # Errors
/// No answer came, or it was a redirect. A status of 400 and above is an answer.
pub fn post(request: &Request, deadline: Boot, mut hangs: impl FnMut(Option<&Error>)) -> Answer {
    let url = &*request.url.expose();
    let target = Target::of(url).ok_or_else(|| Error("the webhook's URL is not an http or https URL".to_owned()))?;
    let proxy = proxy::of_environment(&target, |name| std::env::var(name).ok())?;
    let encrypts = target.https || proxy.as_ref().is_some_and(|proxy| proxy.kind == Protocol::Https);
    let roots = if encrypts { roots::trusted()? } else { Vec::new() };

    let (addresses, target_addresses) =
        addresses(&target, proxy.as_ref(), |host, port| look_up(host, port, &mut hangs))?;

    let progress = RequestProgress::default();
    let forwarder = proxy.as_ref().filter(|proxy| !proxy.tunnels(&target));
    let with_progress = ProgressConnector { progress: progress.clone(), absolute: forwarder.map(|_| target.origin()) };
    let mut outgoing = ureq::http::Request::builder().method(request.method).uri(url).header("Connection", "close");
    for (name, value) in &request.headers {
        outgoing = outgoing.header(&**name, value.expose());
    }
    if let Some(login) = login_of(url) {
        outgoing = outgoing.header("Authorization", tunnel::basic(&login));
    }
    if let Some(login) = forwarder.and_then(|proxy| proxy.login.as_ref()) {
        outgoing = outgoing.header("Proxy-Authorization", tunnel::basic(login));
    }
    let has_body = request.method != Method::Get;
    let outgoing = outgoing.body(&*request.body).map_err(|_| Error("the webhook's URL cannot be used".to_owned()))?;

    let to_target =
        TargetConnector { target, proxy, addresses, target_addresses, deadline, progress: progress.clone() };
    let (host, proxy) = (to_target.target.host.clone(), to_target.proxy.clone());
    let told =
        |error: &ureq::Error| explain(error, Route { host: &host, proxy: proxy.as_ref(), stage: progress.stage() });
    let connector = ().chain(to_target).chain(RustlsConnector::default()).chain(with_progress);
    let agent = ureq::Agent::with_parts(config(roots, deadline.since(boot_now())), connector, AlreadyResolved);
    let answered = if has_body { agent.run(outgoing) } else { agent.run(outgoing.map(|_| ())) };
    let mut response = answered.map_err(|error| told(&error))?;
    if response.status().is_redirection() {
        return Err(Error(format!(
            "{host} answers with a redirect (HTTP {}){NOT_FOLLOWED}; correct it in the configuration",
            response.status().as_u16()
        )));
    }
    let mut body = Vec::new();
    let read = response.body_mut().as_reader().take(MAX_BODY_BYTES).read_to_end(&mut body);
    read.map_err(|error| told(&ureq::Error::from(error)))?;
    Ok(Response {
        status: response.status().as_u16(),
        headers: kept_headers(response.headers()),
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

/// Every address of `host`. It cannot be interrupted, so `hangs` is told before and after: see [`post`].
fn look_up(host: &str, port: u16, hangs: &mut impl FnMut(Option<&Error>)) -> Result<Vec<SocketAddr>, Error> {
    hangs(Some(&Error(format!(
        "timed out while looking up the name {host}: does the name server in /etc/resolv.conf answer?"
    ))));
    let addresses = resolve(host, port);
    hangs(None);
    addresses
}

/// The addresses to connect to, and those that the proxy is to be told.
fn addresses(
    target: &Target,
    proxy: Option<&Proxy>,
    mut look_up: impl FnMut(&str, u16) -> Result<Vec<SocketAddr>, Error>,
) -> Result<(Vec<SocketAddr>, Vec<SocketAddr>), Error> {
    let Some(proxy) = proxy else { return Ok((look_up(&target.host, target.port)?, Vec::new())) };
    let of_target =
        if proxy.wants_address() { addresses_for(proxy, look_up(&target.host, target.port)?) } else { Vec::new() };
    let of_proxy = look_up(&proxy.host, proxy.port).map_err(|_| unresolved(proxy))?;
    Ok((of_proxy, of_target))
}

/// SOCKS 4 knows no IPv6 addresses.
fn addresses_for(proxy: &Proxy, addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let (v4, v6): (Vec<_>, Vec<_>) = addresses.into_iter().partition(SocketAddr::is_ipv4);
    match proxy.kind {
        Protocol::Socks4 if !v4.is_empty() => v4,
        _ => [v4, v6].concat(),
    }
}

/// The proxy's host may be a secret as its password is.
fn unresolved(proxy: &Proxy) -> Error {
    Error(format!("cannot resolve the name of {proxy}; check it, the network and the name server in /etc/resolv.conf"))
}

/// The user name and password in a URL.
fn login_of(url: &str) -> Option<Login> {
    let uri: Uri = url.parse().ok()?;
    let (login, _) = uri.authority()?.as_str().rsplit_once('@')?;
    Login::parse(login).ok()
}

fn kept_headers(headers: &ureq::http::HeaderMap) -> Vec<(String, String)> {
    let kept = |name: &&str| {
        let value = headers.get(*name)?.to_str().ok().filter(|value| value.len() <= MAX_HEADER_BYTES)?;
        Some(((*name).to_owned(), value.to_owned()))
    };
    KEPT_HEADERS.iter().filter_map(kept).collect()
}

/// For one request, which arrives in one piece.
fn config(roots: Vec<Certificate<'static>>, within: Duration) -> ureq::config::Config {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::from(roots))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    ureq::Agent::config_builder()
        .timeout_global(Some(within))
        .proxy(None)
        .tls_config(tls)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(USER_AGENT)
        .build()
}
