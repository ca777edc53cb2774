//! Who waits for the heartbeat: the request that each expects, and the answer that means it was taken. Pure.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;

use crate::http::{Answer, Method, Request, Response, Target};
use crate::secret::Secret;
use crate::tap::endpoint::told;

/// Uptime Kuma keeps no longer `msg` (server/routers/api-router.js).
const MAX_MSG_BYTES: usize = 250;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// healthchecks.io, or one of one's own.
    Healthchecks,
    UptimeKuma,
    /// Anybody else who takes a POST to a URL.
    Other,
}

impl Service {
    /// The service that a URL belongs to, by its form.
    pub fn of(url: &str) -> Service {
        let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
        match Target::of(url) {
            Some(target) if target.host == "hc-ping.com" => Service::Healthchecks,
            _ if path.starts_with("ping/") => Service::Healthchecks,
            _ if path.contains("api/push/") => Service::UptimeKuma,
            _ => Service::Other,
        }
    }

    /// The heartbeat, with a line about the agent.
    ///
    /// Always a POST: a check of healthchecks that is set to POST alone ignores any other and still says OK (hc/api/views.py).
    /// Uptime Kuma takes any method and reads the query.
    pub fn request(self, url: &Secret, line: &str) -> Request {
        let content_type = ("Content-Type".into(), Secret::new("text/plain; charset=utf-8"));
        let url = match self {
            Service::UptimeKuma => Secret::new(kuma(&url.expose(), line)),
            Service::Healthchecks | Service::Other => url.clone(),
        };
        Request { method: Method::Post, url, headers: vec![content_type], body: line.as_bytes().to_vec() }
    }

    /// The line of an agent that is stopped, for the log of healthchecks: it counts neither as a heartbeat nor as a failure.
    /// Others have nothing like that.
    pub fn stopped(self, url: &Secret, line: &str) -> Option<Request> {
        let url = url.expose();
        let end = url.find(['?', '#']).unwrap_or(url.len());
        let log = Secret::new(format!("{}/log{}", url[..end].trim_end_matches('/'), &url[end..]));
        (self == Service::Healthchecks).then(|| self.request(&log, line))
    }

    /// Why it was not taken.
    pub fn judge(self, answer: &Answer) -> Result<(), String> {
        let Response { status, body, .. } = answer.as_ref().map_err(ToString::to_string)?;
        let is_taken = match self {
            // A server that knows no such check says `OK (not found)`.
            Service::Healthchecks => matches!((status, body.trim()), (200, "OK") | (201, "Created")),
            Service::UptimeKuma => *status == 200 && is_ok(body),
            Service::Other => (200..300).contains(status),
        };
        let remedy = match (self, status) {
            (Service::Other, _) => "",
            (_, 200 | 400..=409) => "; is heartbeat.url that of a check which is there and not paused?",
            _ => "",
        };
        if is_taken { Ok(()) } else { Err(told(*status, body) + remedy) }
    }
}

/// `https://HOST/api/push/TOKEN?status=up&msg=…`, whatever query was pasted with it.
fn kuma(url: &str, line: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let msg = crate::text::beginning(line, MAX_MSG_BYTES);
    format!("{path}?status=up&msg={}", utf8_percent_encode(msg, NON_ALPHANUMERIC))
}

fn is_ok(body: &str) -> bool {
    serde_json::from_str::<Json>(body).is_ok_and(|json| json["ok"] == true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Error;

    const URLS: [(&str, Service); 7] = [
        ("https://hc-ping.com/0f9e8d7c-6b5a-4c3d-9e2f-1a0b9c8d7e6f", Service::Healthchecks),
        ("https://hc-ping.com/key/web-1?create=1", Service::Healthchecks),
        ("https://health.example.com/ping/0f9e8d7c", Service::Healthchecks),
        ("https://kuma.example.com/api/push/AbC123?status=up&msg=OK&ping=", Service::UptimeKuma),
        ("https://example.com/kuma/api/push/AbC123", Service::UptimeKuma),
        ("https://uptime.betterstack.com/api/v1/heartbeat/AbC", Service::Other),
        ("http://127.0.0.1:9/", Service::Other),
    ];

    #[test]
    fn a_service_is_known_by_its_url() {
        for (url, service) in URLS {
            assert_eq!(Service::of(url), service, "{url}");
        }
    }

    #[test]
    fn kuma_gets_a_query_and_the_others_a_body() {
        let line = "web-1: 1 alert & 0 messages 等待";
        let request = |service: Service, url: &str| service.request(&Secret::new(url), line);
        let posted = request(Service::UptimeKuma, "https://kuma.example.com/api/push/AbC?status=down&msg=OK#x");
        let query = "?status=up&msg=web%2D1%3A%201%20alert%20%26%200%20messages%20%E7%AD%89%E5%BE%85";
        assert_eq!(posted.url.expose(), format!("https://kuma.example.com/api/push/AbC{query}"));
        let posted = request(Service::Healthchecks, "https://hc-ping.com/0f9e?rid=1");
        assert_eq!((posted.method, &*posted.url.expose()), (Method::Post, "https://hc-ping.com/0f9e?rid=1"));
        assert_eq!(posted.body, line.as_bytes());
    }

    #[test]
    fn healthchecks_alone_logs_that_an_agent_was_stopped() {
        let stopped = |url: &str| {
            let request = Service::of(url).stopped(&Secret::new(url), "web-1: stopped")?;
            Some((request.url.expose(), String::from_utf8(request.body).unwrap()))
        };
        let of = |url: &str| Some((url.to_owned(), "web-1: stopped".to_owned()));
        assert_eq!(stopped("https://hc-ping.com/uuid"), of("https://hc-ping.com/uuid/log"));
        assert_eq!(
            stopped("https://hc-ping.com/key/web-1/?create=1"),
            of("https://hc-ping.com/key/web-1/log?create=1")
        );
        for (url, service) in URLS {
            assert_eq!(stopped(url).is_some(), service == Service::Healthchecks, "{url}");
        }
    }

    #[test]
    fn only_the_exact_answer_of_a_service_is_a_heartbeat_that_was_taken() {
        let judge = |service: Service, status, body: &str| service.judge(&Ok(Response::new(status, body)));
        for (service, status, body) in [
            (Service::Healthchecks, 200, "OK"),
            (Service::Healthchecks, 200, "OK\n"),
            (Service::Healthchecks, 201, "Created"),
            (Service::UptimeKuma, 200, r#"{"ok":true}"#),
            (Service::Other, 204, ""),
        ] {
            assert_eq!(judge(service, status, body), Ok(()), "{service:?}: {body}");
        }
        for (service, status, body, told) in [
            (Service::Healthchecks, 200, "OK (not found)", "HTTP 200: OK (not found); is heartbeat.url"),
            (Service::Healthchecks, 200, "OK (rate limited)", "HTTP 200: OK (rate limited)"),
            (Service::Healthchecks, 200, "<html>login</html>", "HTTP 200: <html>"),
            (Service::Healthchecks, 404, "not found", "HTTP 404: not found; is heartbeat.url"),
            (Service::Healthchecks, 503, "", "HTTP 503"),
            (
                Service::UptimeKuma,
                404,
                r#"{"ok":false,"msg":"Monitor not found or not active."}"#,
                "HTTP 404: {\"ok\":false",
            ),
            (Service::UptimeKuma, 200, "OK", "HTTP 200: OK"),
            (Service::Other, 500, "oops", "HTTP 500: oops"),
        ] {
            let error = judge(service, status, body).unwrap_err();
            assert!(error.starts_with(told), "{service:?}: {error}");
        }
        let error = Service::Other.judge(&Err(Error("connection refused".to_owned())));
        assert_eq!(error, Err("connection refused".to_owned()));
    }
}
