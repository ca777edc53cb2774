//! `metrics.push`: the same text, sent to VictoriaMetrics, vmagent or a Pushgateway.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::Place;
use crate::http::{Answer, Method, Request};
use crate::secret::Secret;
use crate::settings::{Complaint, Doc, Section, doc};
use crate::tap::Job;
use crate::tap::endpoint::{self, Endpoint, told, urls};

const KEY: &str = "push";

const PUSH: Doc = urls(doc(
    "每次检查后推送到的地址：VictoriaMetrics、vmagent（`…/api/v1/import/prometheus`）或 Pushgateway（`…/metrics/job/vps-monitor`）",
    "where it is sent after each check: VictoriaMetrics, vmagent (`…/api/v1/import/prometheus`) or a Pushgateway (`…/metrics/job/vps-monitor`)",
));

/// The label and the group by which the host is known there.
const JOB: &str = "vps-monitor";

pub(super) fn read(section: &mut Section<'_>) -> Vec<Push> {
    endpoint::list(section, KEY, PUSH, EXPECTED, Push::parse, |push| &push.endpoint)
}

const EXPECTED: &str =
    "…/api/v1/import/prometheus (VictoriaMetrics, vmagent) or …/metrics/job/vps-monitor (Pushgateway)";

#[derive(Debug)]
pub(super) struct Push {
    endpoint: Endpoint,
    receiver: Receiver,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Receiver {
    /// VictoriaMetrics' import, which adds labels by the query.
    Import,
    /// A group of a Pushgateway, which is replaced as a whole.
    Group,
}

impl Push {
    fn parse(text: &str) -> Result<Option<Push>, Complaint> {
        let Some(endpoint) = Endpoint::parse(text)? else { return Ok(None) };
        let path = text.split(['?', '#']).next().unwrap_or(text);
        let receiver = match path {
            path if path.contains("/import/prometheus") => Receiver::Import,
            path if path.contains("/metrics/job") => Receiver::Group,
            _ => return Err(Complaint::new("has not the path of anything that takes metrics").expected(EXPECTED)),
        };
        Ok(Some(Push { endpoint, receiver }))
    }

    /// The request for the text of this host, which is named unless the URL does so itself.
    fn request(&self, host: &str, text: String) -> Request {
        let url = self.endpoint.url().expose();
        let url = url.trim();
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let (method, url) = match self.receiver {
            Receiver::Import if query.contains("extra_label=instance") => (Method::Post, url.to_owned()),
            Receiver::Import => {
                let before = if query.is_empty() { String::new() } else { format!("{query}&") };
                let instance = utf8_percent_encode(host, NON_ALPHANUMERIC);
                (Method::Post, format!("{path}?{before}extra_label=instance={instance}&extra_label=job={JOB}"))
            }
            Receiver::Group if path.contains("/instance") => (Method::Put, url.to_owned()),
            Receiver::Group => (Method::Put, format!("{}/{}", path.trim_end_matches('/'), group(host))),
        };
        let content_type = ("Content-Type".into(), Secret::new("text/plain; version=0.0.4; charset=utf-8"));
        Request { method, url: Secret::new(url), headers: vec![content_type], body: text.into_bytes() }
    }
}

/// A slash in a value, written in any other way, would be one of the path (README of prometheus/pushgateway).
fn group(host: &str) -> String {
    if host.contains('/') {
        format!("instance@base64/{}", BASE64_URL_SAFE_NO_PAD.encode(host))
    } else {
        format!("instance/{}", utf8_percent_encode(host, NON_ALPHANUMERIC))
    }
}

impl Place for Push {
    fn name(&self) -> String {
        format!("metrics push {}", self.endpoint)
    }

    fn job(&self, host: &str, text: String) -> Job {
        Job::Post(self.request(host, text))
    }

    fn judge(&self, answer: &Answer) -> Result<(), String> {
        judge(answer)
    }

    fn secret(&self) -> Option<&Secret> {
        Some(self.endpoint.url())
    }
}

/// VictoriaMetrics answers 204 and a Pushgateway 200.
fn judge(answer: &Answer) -> Result<(), String> {
    let response = answer.as_ref().map_err(ToString::to_string)?;
    match response.status {
        200..300 => Ok(()),
        status @ (401 | 403) => {
            Err(told(status, &response.body) + "; correct the login in the URL (https://USER:PASSWORD@HOST/…)")
        }
        status => Err(told(status, &response.body)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Response;

    fn request(url: &str, host: &str) -> (Method, String) {
        let request = Push::parse(url).unwrap().unwrap().request(host, "a 1\n".to_owned());
        assert_eq!(request.body, b"a 1\n");
        (request.method, request.url.expose())
    }

    #[test]
    fn the_host_is_named_unless_the_url_does_so() {
        const VM: &str = "http://vm:8428/api/v1/import/prometheus";
        const PG: &str = "http://pg:9091/metrics/job/vps-monitor";
        let labels = "extra_label=instance=web%2D1%26x&extra_label=job=vps-monitor";
        for (url, method, sent) in [
            (VM.to_owned(), Method::Post, format!("{VM}?{labels}")),
            (format!("{VM}?extra_label=dc=fra"), Method::Post, format!("{VM}?extra_label=dc=fra&{labels}")),
            (format!("{VM}?extra_label=instance=a"), Method::Post, format!("{VM}?extra_label=instance=a")),
            (PG.to_owned(), Method::Put, format!("{PG}/instance/web%2D1%26x")),
            (format!("{PG}/instance/a"), Method::Put, format!("{PG}/instance/a")),
        ] {
            assert_eq!(request(&url, "web-1&x"), (method, sent), "{url}");
        }
        assert_eq!(request(&format!("{PG}/"), "a/b").1, format!("{PG}/instance@base64/YS9i"));
        let cluster = "https://u:p@vm/insert/0/prometheus/api/v1/import/prometheus";
        assert!(request(cluster, "a").1.starts_with(cluster));
    }

    #[test]
    fn a_url_without_the_path_of_a_receiver_is_refused_with_the_paths() {
        for url in ["http://vm:8428", "http://vm:8428/api/v1/write", "http://vm/?x=/metrics/job/a"] {
            let complaint = Push::parse(url).unwrap_err();
            assert!(
                complaint.expected.contains("/api/v1/import/prometheus") && !complaint.message.contains("vm"),
                "{url}"
            );
        }
        assert!(Push::parse("").unwrap().is_none());
    }

    #[test]
    fn an_answer_that_is_no_success_is_told() {
        assert_eq!(judge(&Ok(Response::new(204, ""))), Ok(()));
        let error = |status, body: &str| judge(&Ok(Response::new(status, body))).unwrap_err();
        assert_eq!(error(400, "unsupported path"), "HTTP 400: unsupported path");
        assert!(error(401, "").contains("correct the login"));
    }
}
