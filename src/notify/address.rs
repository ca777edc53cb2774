//! A channel's address as people paste it: the whole URL is a secret.

use super::vendor;
use crate::http::Target;
use crate::secret::Secret;
use crate::settings::{Complaint, Section};

/// Reads a URL; `None`: it is empty.
///
/// # Errors
/// It is no absolute http or https URL; the text itself is never part of the complaint.
pub fn url(text: &str) -> Result<Option<Secret>, Complaint> {
    let text = text.trim();
    match Target::of(text) {
        _ if text.is_empty() => Ok(None),
        Some(_) => Ok(Some(Secret::new(text))),
        None => Err(Complaint::new("is not an http or https URL").expected("the whole URL, such as https://…")),
    }
}

/// Reads the URL of a robot as its vendor shows it, or the token alone, which stands behind the first of `prefixes`.
/// Another host means a relay, whose URL may be of any form.
///
/// # Errors
/// It is none of that; the text itself is never part of the complaint.
pub fn robot(text: &str, prefixes: &[&str]) -> Result<Option<Secret>, Complaint> {
    let text = text.trim();
    let expected = || format!("the whole URL ({}…) or the token behind it", prefixes.join("… or "));
    let is_token = |token: &str| {
        token.len() >= MIN_TOKEN_CHARS
            && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let refused = |what: &str| Err(Complaint::new(what).expected(expected()));
    match (Target::of(text), prefixes) {
        _ if text.is_empty() => Ok(None),
        (None, _) if text.contains("://") => refused("is not an http or https URL"),
        (None, [first, ..]) if is_token(text) => Ok(Some(Secret::new(format!("{first}{text}")))),
        (None, _) => refused("is neither a URL nor a robot's token"),
        (Some(target), _) => {
            let is_vendors = |prefix: &&&str| Target::of(prefix).is_some_and(|vendor| vendor.host == target.host);
            match prefixes.iter().find(is_vendors) {
                Some(prefix) if !text.strip_prefix(prefix).is_some_and(is_token) => {
                    refused("is not a robot's whole URL, or has more behind the token")
                }
                _ => Ok(Some(Secret::new(text))),
            }
        }
    }
}

/// A robot's token has at least 32 characters with every vendor; a far shorter text is a word, or a token cut off.
const MIN_TOKEN_CHARS: usize = 20;

/// Whose address belongs into a key.
#[derive(Clone, Copy)]
pub struct Expected {
    /// The services that understand what is sent there.
    pub services: &'static [&'static str],
    pub place: &'static str,
}

/// Warnings of an address that is readable on its way, or another service's than expected.
pub fn warn_of_unusual(section: &mut Section<'_>, key: &str, url: &Secret, expected: Expected) {
    warn_if_readable(section, key, url);
    let Some(target) = Target::of(&url.expose()) else { return };
    if let Some(other) = vendor::of(&target.host).filter(|owner| !expected.services.contains(owner)) {
        let (own, place) = (expected.services.join(" and "), expected.place);
        section.warning(
            key,
            format!(
                "this is {other}'s address, and {other} does not understand what is sent to {own}: no message would \
                 arrive; here belongs the address of {place}"
            ),
        );
    }
}

/// A warning if the address, and the secret in it or with it, go over a network for everyone to read.
pub fn warn_if_readable(section: &mut Section<'_>, key: &str, url: &Secret) {
    if Target::of(&url.expose()).is_some_and(|target| !target.https && !target.is_loopback()) {
        section.warning(key, "http:// shows the secret to everyone on the way; use https://");
    }
}

/// The host of `url`.
pub fn host(url: &Secret) -> String {
    Target::of(&url.expose()).map(|target| target.host).unwrap_or_default()
}

/// Whether the host of `url` is `domain` or a name below it.
pub fn is_at(url: &Secret, domain: &str) -> bool {
    let Some(target) = Target::of(&url.expose()) else { return false };
    target.host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
