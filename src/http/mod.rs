//! One HTTP request: a JSON body posted to a URL that is a secret.
//!
//! [`post`] blocks, so it runs in a worker process (see [`crate::worker`]), never in the agent itself. It follows no
//! redirect, as that would carry the secret elsewhere; it judges no status, as that is the channel's business; and
//! whatever goes wrong becomes one line that names the host and what to look at, never the URL.
//!
//! The lookup of the name is the one stage without a limit here: ureq would start a thread for it. The worker's
//! deadline bounds it, as it bounds the sum of all stages.

mod explain;
mod proxy;
mod target;

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::secret::Secret;
use explain::{Route, explain};

pub use target::Target;

/// What is to be posted, and where.
#[derive(Clone, Debug)]
pub struct Request {
    pub url: Secret,
    /// JSON, UTF-8.
    pub body: String,
}

/// What came back, whatever the status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    pub status: u16,
    /// At most [`MAX_BODY_BYTES`] of the body, invalid UTF-8 replaced.
    pub body: String,
}

/// No vendor's answer is longer; what is beyond is not read.
pub const MAX_BODY_BYTES: u64 = 64 * 1024;

/// Why no answer came: one line, without the URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{0}")]
pub struct Error(pub String);

/// Posts `request` and reads the answer. Each stage after the lookup of the name takes a little less than `within`, so
/// that a slow stage is named before whoever waits for the whole gives up.
///
/// # Errors
/// No answer came, or it was a redirect. A status of 400 and above is an answer.
pub fn post(request: &Request, within: Duration) -> Result<Response, Error> {
    let url = request.url.expose();
    let target = Target::of(url).ok_or_else(|| Error("the webhook's URL is not an http or https URL".to_owned()))?;
    let proxy = proxy::of_environment(&target, |name| std::env::var(name).ok())?;
    let route = Route { host: &target.host, proxy: proxy.as_ref().map(|proxy| proxy.variable) };
    let proxy = proxy.map(|proxy| proxy.address);
    let roots = if target.https { trusted_roots()? } else { Vec::new() };

    let agent = agent(proxy, roots, within * 19 / 20);
    let sent = agent.post(url).content_type("application/json; charset=utf-8").send(&request.body);
    let mut response = sent.map_err(|error| explain(&error, route))?;
    let status = response.status();
    if status.is_redirection() {
        return Err(Error(format!(
            "{} answers with a redirect (HTTP {}), which is not followed: the URL is a secret; correct webhook_url",
            target.host,
            status.as_u16()
        )));
    }
    let mut body = Vec::new();
    let read = response.body_mut().as_reader().take(MAX_BODY_BYTES).read_to_end(&mut body);
    read.map_err(|error| explain(&ureq::Error::from(error), route))?;
    Ok(Response { status: status.as_u16(), body: String::from_utf8_lossy(&body).into_owned() })
}

/// A client for one request. Neither a limit for the lookup of the name nor one for the whole is set: with either, ureq
/// looks the name up in a thread; so it does for a proxy's name with a limit for connecting.
fn agent(proxy: Option<ureq::Proxy>, roots: Vec<Certificate<'static>>, stage: Duration) -> ureq::Agent {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::from(roots))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    ureq::Agent::config_builder()
        .timeout_connect(proxy.is_none().then_some(stage))
        .timeout_send_request(Some(stage))
        .timeout_send_body(Some(stage))
        .timeout_recv_response(Some(stage))
        .timeout_recv_body(Some(stage))
        .proxy(proxy)
        .tls_config(tls)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("vps-monitor/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// The certificates of the authorities that this system trusts: `SSL_CERT_FILE` and `SSL_CERT_DIR`, else the
/// distribution's file.
fn trusted_roots() -> Result<Vec<Certificate<'static>>, Error> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let cause = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
        return Err(Error(format!(
            "this system has no certificates to check an https server with{cause}: install ca-certificates"
        )));
    }
    Ok(found.certs.iter().map(|der| Certificate::from_der(der).to_owned()).collect())
}
