//! The address of another engine: a URL that may be a secret, and the part of it that may be shown.

use std::fmt;

use crate::http::Target;
use crate::secret::Secret;
use crate::settings::{Complaint, Doc, Section, Written, doc, stored};
use crate::text;

/// So much of an answer is told.
const MAX_TOLD_BYTES: usize = 120;

#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    url: Secret,
    shown: String,
}

impl Endpoint {
    /// Reads a pasted URL. `None`: nothing.
    ///
    /// # Errors
    /// It is no URL; the text itself is never part of the complaint.
    pub fn parse(text: &str) -> Result<Option<Endpoint>, Complaint> {
        let url = text.trim();
        if url.is_empty() {
            return Ok(None);
        }
        let Some(target) = Target::of(url) else {
            return Err(Complaint::new("is not an http or https URL").expected("such as https://HOST/PATH"));
        };
        let rest = url.split_once("://").map_or("", |(_, rest)| rest);
        let path = rest.split_once('/').map_or("", |(_, path)| path).trim_end_matches('/');
        let shown = if path.is_empty() && !rest.contains('@') {
            target.origin()
        } else {
            let last = path.rsplit(['/', '=']).next().unwrap_or_default();
            format!("{}/{}", target.origin(), Secret::new(last))
        };
        Ok(Some(Endpoint { url: Secret::new(url), shown }))
    }

    pub fn url(&self) -> &Secret {
        &self.url
    }

    /// Warns of a URL that others can read; `written` is the configuration's text, which may only name its place.
    pub fn warn(&self, section: &mut Section<'_>, key: &str, written: &str) {
        if Target::of(&self.url.expose()).is_some_and(|target| !target.https && !target.is_loopback()) {
            section.warning(
                key,
                "http:// shows what is sent to everyone on the way; use https:// outside your own network",
            );
        }
        section.warn_if_exposed(key, written);
    }
}

/// The key of a list of addresses.
pub const fn urls(doc: Doc) -> Doc {
    doc.values(
        "地址列表，每个也可写作 `credential:NAME`、`file:/path`、`env:NAME`",
        "list of URLs, or where each is: `credential:NAME`, `file:/path`, `env:NAME`",
    )
    .unique()
}

const ITEM: Doc = doc("一个地址", "a URL").pattern(r"^\s*(https?://\S+|(credential|env|file):\S.*)\s*$");

/// Reads a list of addresses, each as `parse` reads it; `expected` says how one looks.
pub fn list<T>(
    section: &mut Section<'_>,
    key: &'static str,
    doc: Doc,
    expected: &str,
    parse: fn(&str) -> Result<Option<T>, Complaint>,
    endpoint: fn(&T) -> &Endpoint,
) -> Vec<T> {
    let read = section.list(key, doc, |item| {
        item.parse(ITEM, |text| {
            let one = stored(text, "URL", parse)?.ok_or_else(|| Complaint::new("is empty").expected(expected))?;
            Ok((one, text.to_owned()))
        })
    });
    let read = read.unwrap_or_default();
    read.iter().for_each(|(one, written)| endpoint(one).warn(section, key, written));
    section.holds(key, Written::texts(read.iter().map(|(one, _)| endpoint(one))));
    read.into_iter().map(|(one, _)| one).collect()
}

/// Scheme and host, and the last characters of the rest, so that two can be told apart.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// An answer that is not the wanted one, on one line.
pub fn told(status: u16, body: &str) -> String {
    let body = text::harmless(text::beginning(body.trim(), MAX_TOLD_BYTES), MAX_TOLD_BYTES);
    if body.is_empty() { format!("HTTP {status}") } else { format!("HTTP {status}: {body}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn of_a_url_the_host_is_shown_and_of_the_rest_its_end() {
        for (url, shown) in [
            ("https://hc-ping.com/0f9e8d7c-6b5a-4c3d-9e2f-1a0b9c8d7e6f", "https://hc-ping.com/…7e6f"),
            ("http://127.0.0.1:3001/api/push/AbCdEf?status=up", "http://127.0.0.1:3001/…"),
            ("http://alert.example.com:9093/", "http://alert.example.com:9093"),
            ("https://user:secret-password@vm.example.com", "https://vm.example.com/…"),
        ] {
            assert_eq!(Endpoint::parse(url).unwrap().unwrap().to_string(), shown);
        }
        assert_eq!(Endpoint::parse(" ").unwrap(), None);
        for bad in ["hc-ping.com/abc", "ftp://a/b", "https://", "none"] {
            assert_eq!(Endpoint::parse(bad).unwrap_err().message, "is not an http or https URL", "{bad}");
        }
    }

    #[test]
    fn an_answer_is_told_on_one_bounded_line() {
        assert_eq!(told(404, " not\nfound\n"), "HTTP 404: not found");
        assert_eq!(told(502, ""), "HTTP 502");
        assert!(told(500, &"内".repeat(1000)).len() < 140);
    }

    proptest! {
        #[test]
        fn whatever_is_pasted_is_read_or_refused_without_being_shown(path in "[a-zA-Z0-9]{16,40}") {
            let endpoint = Endpoint::parse(&format!("https://hc-ping.com/{path}")).unwrap().unwrap();
            let shown = format!("{endpoint} {endpoint:?}");
            prop_assert!(!shown.contains(&path[..12]), "{}", shown);
        }
    }
}
