//! A channel's address as people paste it: the whole URL is a secret.

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

/// A warning if the address, and the secret in it or with it, go over a network for everyone to read.
pub fn warn_if_readable(section: &mut Section<'_>, key: &str, url: &Secret) {
    if Target::of(&url.expose()).is_some_and(|target| !target.https && !target.is_loopback()) {
        section.warning(key, "http:// shows the secret to everyone on the way; use https://");
    }
}

/// Whether the host of `url` is `domain` or a name below it.
pub fn is_at(url: &Secret, domain: &str) -> bool {
    let Some(target) = Target::of(&url.expose()) else { return false };
    target.host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
