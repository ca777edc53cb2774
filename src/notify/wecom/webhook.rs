//! A robot's webhook: its URL, which is a secret because of the key in it, and the parts that may be shown.

use crate::http::{self, Target};
use crate::secret::Secret;
use crate::settings::Complaint;

/// The beginning of every robot's URL, before the key.
const PREFIX: &str = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=";

const VENDOR_HOST: &str = "qyapi.weixin.qq.com";

/// A robot's key has 36 characters, like a UUID; a far shorter text is a word, or a key cut off.
const MIN_KEY_CHARS: usize = 12;

const EXPECTED: &str = "the whole URL (https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=…) or the key alone";

const WHERE_TO_GET_ONE: &str =
    "the URL that WeChat Work shows for the group's robot (in the group: ··· > Group robots, 群机器人 > Webhook URL)";

/// A webhook's URL, complete.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    url: Secret,
}

impl Webhook {
    /// Reads the text that people paste: the whole URL, or the key alone. `None`: nothing. Another host means another
    /// robot, such as a relay, which may need no key.
    ///
    /// # Errors
    /// It is neither, or still the placeholder; the text itself is never part of the complaint.
    pub fn parse(text: &str) -> Result<Option<Webhook>, Complaint> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let is_url = text.contains("://");
        let url = if is_url { text.to_owned() } else { format!("{PREFIX}{text}") };
        let key = key_of(&url);
        if key.is_some_and(is_placeholder) {
            return Err(Complaint::new("still holds the placeholder instead of a key").expected(WHERE_TO_GET_ONE));
        }
        let Some(target) = Target::of(&url) else {
            return Err(Complaint::new("is not an http or https URL").expected(EXPECTED));
        };
        let is_vendors = target.host == VENDOR_HOST;
        let key_is_whole = key.is_some_and(|key| is_key(key) && (!is_vendors || key.len() >= MIN_KEY_CHARS));
        if !key_is_whole && (is_vendors || key.is_some()) {
            let what = if is_url { "has no key, or only a part of one" } else { "is neither a URL nor a robot's key" };
            return Err(Complaint::new(what).expected(EXPECTED));
        }
        Ok(Some(Webhook { url: Secret::new(url) }))
    }

    /// The whole URL.
    pub fn url(&self) -> &Secret {
        &self.url
    }

    /// `key=…` and the key's last four characters; without a key, the host and the last four of the URL. A short one is
    /// not shown at all.
    pub fn masked(&self) -> String {
        let url = self.url.expose();
        key_of(&url).map_or_else(|| http::masked(&self.url), |key| format!("key={}", Secret::new(key)))
    }
}

/// The value of `key` in the query.
fn key_of(url: &str) -> Option<&str> {
    let (_, query) = url.split_once('?')?;
    let query = query.split('#').next().unwrap_or(query);
    query.split('&').find_map(|pair| pair.strip_prefix("key="))
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// `YOUR_KEY`, as in the template, and placeholders like it.
fn is_placeholder(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key.contains("your_key") || key.contains("your-key") || (!key.is_empty() && key.bytes().all(|byte| byte == b'x'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Scrubber;
    use proptest::prelude::*;

    const KEY: &str = "693a91f6-7bcd-4bc4-97a0-0ec2f1fa5aaa";

    fn refusal(text: &str) -> String {
        Webhook::parse(text).unwrap_err().message
    }

    #[test]
    fn the_whole_url_and_the_bare_key_are_the_same_robot() {
        let whole = Webhook::parse(&format!(" {PREFIX}{KEY}\n")).unwrap();
        assert_eq!(whole, Webhook::parse(KEY).unwrap());
        assert_eq!(whole.unwrap().url().expose(), format!("{PREFIX}{KEY}"));
    }

    #[test]
    fn another_host_needs_no_key() {
        for url in ["http://127.0.0.1:9/send?key=k", "https://relay.example.com/hook", "http://[::1]:8080/"] {
            assert_eq!(Webhook::parse(url).unwrap().unwrap().url().expose(), url);
        }
    }

    #[test]
    fn what_cannot_be_a_robot_is_refused_with_the_reason() {
        for placeholder in ["YOUR_KEY", "https://relay.example.com/?key=<your-key>", "xxxxxxxx"] {
            assert!(refusal(placeholder).contains("placeholder"), "{placeholder}");
        }
        for no_key in ["https://qyapi.weixin.qq.com/cgi-bin/webhook/send", PREFIX, "https://a.example/?key=a%20b"] {
            assert_eq!(refusal(no_key), "has no key, or only a part of one", "{no_key}");
        }
        for word in ["none", "disabled", "a key of several words", "http:/one-slash.example.com", "钥匙钥匙钥匙"]
        {
            let told = refusal(word);
            assert!(["is neither a URL nor a robot's key", "is not an http or https URL"].contains(&&*told), "{told}");
        }
        assert_eq!(refusal("ftp://relay.example.com/"), "is not an http or https URL");
    }

    #[test]
    fn an_answer_that_repeats_the_secret_is_told_without_it() {
        let robot = Webhook::parse(KEY).unwrap().unwrap();
        let scrub = |robot: &Webhook, text: &str| Scrubber::of_url(robot.url()).scrub(text);
        let told = scrub(&robot, &format!("no route for /cgi-bin/webhook/send?key={KEY} (key {KEY})"));
        assert_eq!(told, "no route for /cgi-bin/webhook/send?key=… (key …)");
        let relay = Webhook::parse("https://relay.example.com/hook/abcdef0123").unwrap().unwrap();
        assert_eq!(scrub(&relay, "Cannot POST /hook/ABCDEF%30123"), "Cannot POST /hook/…");
        for (url, masked) in
            [("hook/abcdef0123456", "…3456"), ("hook/abcdef0123", "…"), ("x?debug=1&k=p4ss", "…"), ("a/b@", "…")]
        {
            let masked = format!("relay.example.com/{masked}");
            assert_eq!(Webhook::parse(&format!("https://relay.example.com/{url}")).unwrap().unwrap().masked(), masked);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_pasted_is_read_or_refused_without_being_shown(text in "\\PC{12,60}") {
            match Webhook::parse(&text) {
                Ok(webhook) => prop_assert!(webhook.is_none_or(|webhook| !webhook.masked().contains(text.trim()))),
                Err(complaint) => {
                    let told = format!("{complaint:?}");
                    prop_assert!(!told.contains(text.trim()), "{}", told);
                }
            }
        }
    }
}
