//! Finds secrets in text from outside, in whatever form they are written, and takes them out.
//!
//! A server's answer may repeat the requested URL, whole or in part, in capitals, percent-encoded, with JSON's escapes
//! or HTML's, in pieces, in base64 or in hexadecimal digits. So text and secret are both decoded, layer by layer, and
//! compared without regard to case, width, spaces and invisible characters, and without regard to anything but letters
//! and digits.

use std::collections::HashSet;
use std::ops::Range;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

use super::decode::{Character, characters, decoded};
use super::{Secret, without};

/// The shortest run of characters that is taken for a part of a secret; a shorter secret is found whole.
const PART: usize = 8;

/// A text that is shorter is no secret: a version in a path, a flag in a query.
const MIN_SECRET: usize = 3;

/// The number of layers that are decoded. A secret that is encoded more often is hidden well enough.
const MAX_LAYERS: usize = 4;

/// Segments of webhooks' paths that are no secret.
const PLAIN_SEGMENTS: [&str; 15] = [
    "api",
    "bot",
    "cgi-bin",
    "hook",
    "hooks",
    "message",
    "notify",
    "open-apis",
    "push",
    "robot",
    "send",
    "sendmessage",
    "services",
    "webhook",
    "webhooks",
];

/// A secret's name in a query: the value is the secret.
const PLAIN_NAMES: [&str; 8] = ["access_token", "id", "key", "secret", "sign", "timestamp", "token", "type"];

/// All secrets that were ever in force: an answer after a reload may repeat the former one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scrubber {
    /// A URL a line.
    urls: Secret,
}

impl Scrubber {
    /// One that knows `url`.
    pub fn of_url(url: &Secret) -> Scrubber {
        Scrubber { urls: url.clone() }
    }

    /// One that knows all of these.
    pub fn of<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Scrubber {
        let mut scrubber = Scrubber::default();
        secrets.into_iter().for_each(|secret| scrubber.learn(secret));
        scrubber
    }

    /// From now on `url` is secret; if it is a URL, everything but its scheme, host and port.
    pub fn learn(&mut self, url: &Secret) {
        let (known, url) = (self.urls.expose(), url.expose());
        if !known.lines().any(|known| known == url) {
            self.urls = Secret::new(format!("{known}\n{url}"));
        }
    }

    /// `text` with `…` in place of each secret and each part of one.
    pub fn scrub(&self, text: &str) -> String {
        let urls = self.urls.expose();
        let needles: Vec<Needle> = urls.lines().flat_map(parts_of).filter_map(Needle::of).collect();
        let mut secret = Vec::new();
        let mut layer = Some(characters(text));
        for _ in 0..=MAX_LAYERS {
            let Some(written) = layer else { break };
            let folded = fold(&written);
            let squeezed = squeeze(&folded);
            needles.iter().for_each(|needle| needle.find(&folded, &squeezed, &mut secret));
            layer = decoded(&written);
        }
        without(text, secret)
    }
}

/// The secret parts of a URL, as they are written there.
fn parts_of(url: &str) -> Vec<String> {
    let Some((_, rest)) = url.split_once("://") else { return vec![url.to_owned()] };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let mut parts = Vec::new();
    if let Some((login, _)) = authority.rsplit_once('@') {
        parts.extend(login.split(':').map(str::to_owned));
        // As it stands in a request's head.
        parts.push(BASE64_STANDARD.encode(login));
    }
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let segments = path.split('/').filter(|segment| !PLAIN_SEGMENTS.contains(&&*segment.to_ascii_lowercase()));
    parts.extend(segments.map(str::to_owned));
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or(("", pair));
        parts.push(value.to_owned());
        if !PLAIN_NAMES.contains(&&*name.to_ascii_lowercase()) {
            parts.push(name.to_owned());
        }
    }
    parts.push(fragment.to_owned());
    let pieces: Vec<String> = parts.iter().flat_map(|part| pieces_of(part)).collect();
    parts.extend(pieces);
    parts
}

/// The pieces between the punctuation of a part: an answer may repeat `SECRET` of `SECRET.send` or of `id:SECRET`.
fn pieces_of(part: &str) -> Vec<String> {
    let pieces = part.split(|c: char| c.is_ascii_punctuation() && !matches!(c, '%' | '-' | '_' | '+'));
    let is_own = |piece: &&str| *piece != part && !PLAIN_SEGMENTS.contains(&&*piece.to_ascii_lowercase());
    pieces.filter(is_own).map(str::to_owned).collect()
}

/// A secret in base64, of either alphabet and wherever in the encoded text it begins, and in hexadecimal digits.
fn encodings(secret: &str) -> Vec<String> {
    let mut forms: Vec<String> = vec![secret.bytes().map(|byte| format!("{byte:02x}")).collect()];
    for before in 0..3 {
        let bytes = [&[0; 2][..before], secret.as_bytes()].concat();
        // A digit that also holds bits of the text before or behind is not the secret's alone.
        let digits = (before * 8).div_ceil(6)..bytes.len() * 8 / 6;
        for encoded in [BASE64_STANDARD_NO_PAD.encode(&bytes), BASE64_URL_SAFE_NO_PAD.encode(&bytes)] {
            forms.push(if before == 0 { encoded } else { encoded.get(digits.clone()).unwrap_or_default().to_owned() });
        }
    }
    forms
}

/// A secret in the forms that are searched for.
struct Needle {
    /// As it is written, decoded as far as it can be, and encoded.
    forms: Vec<Vec<char>>,
    /// The letters and digits of those.
    squeezed: Vec<Vec<char>>,
}

impl Needle {
    /// `None`: too short to be a secret.
    fn of(part: String) -> Option<Needle> {
        let mut bare = characters(&part);
        for _ in 0..MAX_LAYERS {
            let Some(further) = decoded(&bare) else { break };
            bare = further;
        }
        let bare: String = bare.into_iter().map(|character| character.c).collect();
        let chars = |form: &[Character]| form.iter().map(|character| character.c).collect::<Vec<_>>();
        let is_long = |form: &Vec<char>| form.len() >= MIN_SECRET;
        if ![&part, &bare].into_iter().any(|form| is_long(&chars(&fold(&characters(form))))) {
            return None;
        }
        let mut forms = Vec::new();
        for form in [encodings(&part), encodings(&bare), vec![part, bare]].concat() {
            let form = fold(&characters(&form));
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
        let squeezed = forms.iter().map(|form| chars(&squeeze(form))).filter(is_long).collect();
        Some(Needle { forms: forms.iter().map(|form| chars(form)).filter(is_long).collect(), squeezed })
    }

    /// Adds the places of the secret in `text`, in bytes of the original. `squeezed` holds the letters and digits of
    /// the same text.
    fn find(&self, text: &[Character], squeezed: &[Character], found: &mut Vec<Range<usize>>) {
        self.forms.iter().for_each(|form| find_form(form, text, found));
        self.squeezed.iter().for_each(|form| find_form(form, squeezed, found));
    }
}

fn find_form(form: &[char], text: &[Character], found: &mut Vec<Range<usize>>) {
    let length = form.len().min(PART);
    let parts: HashSet<&[char]> = form.windows(length).collect();
    let chars: Vec<char> = text.iter().map(|character| character.c).collect();
    for (at, window) in chars.windows(length).enumerate().filter(|(_, window)| parts.contains(window)) {
        // A short one is a word of its own, or every text would be full of it.
        let ends = |index: Option<usize>| index.and_then(|index| chars.get(index)).is_none_or(|c| !c.is_alphanumeric());
        let is_whole = ends(at.checked_sub(1)) || text[at].follows_gap;
        let is_whole = is_whole && (ends(Some(at + length)) || text[at + length].follows_gap);
        if window.len() == PART || is_whole {
            found.push(text[at].bytes.start..text[at + length - 1].bytes.end);
        }
    }
}

/// The characters that are compared: small letters of ordinary width, without spaces and invisible characters.
fn fold(written: &[Character]) -> Vec<Character> {
    let mut folded = Vec::with_capacity(written.len());
    let mut follows_gap = false;
    for character in written {
        if character.c.is_whitespace() || crate::text::is_hidden(character.c) {
            follows_gap = true;
            continue;
        }
        // The full-width forms are those of ASCII, moved.
        let narrow = match character.c {
            wide @ '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(wide) - 0xfee0).unwrap_or(wide),
            c => c,
        };
        let c = narrow.to_lowercase().next().unwrap_or(narrow);
        folded.push(Character { c, bytes: character.bytes.clone(), follows_gap });
        follows_gap = false;
    }
    folded
}

/// The letters and digits alone.
fn squeeze(folded: &[Character]) -> Vec<Character> {
    let mut squeezed = Vec::with_capacity(folded.len());
    let mut follows_gap = false;
    for character in folded {
        follows_gap |= character.follows_gap;
        if character.c.is_alphanumeric() {
            squeezed.push(Character { follows_gap, ..character.clone() });
        }
        follows_gap = !character.c.is_alphanumeric();
    }
    squeezed
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "693a91f6-7bcd-4bc4-97a0-0ec2f1fa5aaa";

    fn scrub(url: &str, text: &str) -> String {
        Scrubber::of_url(&Secret::new(url)).scrub(text)
    }

    fn robot() -> String {
        format!("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={KEY}")
    }

    #[test]
    fn a_secret_is_found_however_it_is_written() {
        for written in [
            KEY.to_owned(),
            KEY.to_uppercase(),
            KEY.replace('-', "%2d"),
            KEY.replace('-', "%252D"),
            KEY.replace('-', "\\u002d"),
            KEY.replace('-', "\\\\u002d"),
            KEY.replace('-', "&#45;"),
            KEY.replace('-', "&amp;#x2d;"),
            KEY.replace('-', "\\-"),
            KEY.replace('f', "%66"),
            KEY.replace('-', "-\n"),
            KEY.replace('-', "\u{200b}-"),
            KEY.chars().map(|c| format!("%{:02x}", u32::from(c))).collect(),
            KEY.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect(),
            KEY.chars().map(|c| format!("\\U{:08x}", u32::from(c))).collect(),
            KEY.chars().map(|c| format!("%u{:04X}", u32::from(c))).collect(),
            KEY.chars().map(|c| format!("\\{:03o}", u32::from(c))).collect(),
            KEY.chars().map(|c| format!(" &#{:07}", u32::from(c))).collect(),
            KEY.chars().map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap()).collect(),
            KEY.bytes().map(|byte| format!("{byte:02x}")).collect(),
            KEY.bytes().map(|byte| format!(" {byte:02X}")).collect(),
            BASE64_STANDARD_NO_PAD.encode(KEY),
            BASE64_URL_SAFE_NO_PAD.encode(KEY),
        ] {
            assert_eq!(scrub(&robot(), &format!("invalid key {}!", written.trim())), "invalid key …!", "{written}");
        }
        // Characters in front do not hide it.
        assert!(!scrub(&robot(), &format!("%{KEY} \\u00{KEY} &#{KEY};")).contains("91f6"));
    }

    #[test]
    fn pieces_of_a_secret_with_anything_between_them_are_found() {
        let quoted: Vec<String> = KEY.chars().map(|c| format!("{c:?}")).collect();
        let chunks: Vec<_> = KEY.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
        for written in [KEY.replace('-', ""), KEY.replace('-', "\" + \""), quoted.join(", "), chunks.join("/")] {
            let told = scrub(&robot(), &format!("key: {written}."));
            let left = told.chars().filter(|c| c.is_alphanumeric()).count();
            assert!(left <= "key".len() + 8, "{written}: {told}");
        }
    }

    #[test]
    fn a_secret_inside_of_something_in_base64_is_found() {
        for before in ["", "x", "xx"] {
            let encoded = BASE64_STANDARD.encode(format!("{before}{KEY}xxx"));
            let told = scrub(&robot(), &format!("Basic {encoded}"));
            assert!(told.len() <= "Basic …".len() + 12, "{told}");
        }
        let short = "https://relay.example.com/hook/p4ss";
        for written in ["p4ss", "cDRzcw==", "cDRzcw", "70347373"] {
            assert!(!scrub(short, &format!("no {written} here")).contains(written), "{written}");
        }
    }

    #[test]
    fn what_stands_between_punctuation_is_a_secret_of_its_own() {
        for (url, secret) in [
            ("https://relay.example.com/T0K9x.send", "T0K9x"),
            ("https://relay.example.com/bot12:Qk7w/send", "Qk7w"),
            ("https://relay.example.com/hook;sid=Zk7q/x", "Zk7q"),
            ("https://relay.example.com/hook?a=1;b=Mm8w", "Mm8w"),
            ("https://relay.example.com/send?tokens[]=Jx8k", "Jx8k"),
            ("https://relay.example.com/send?pw=my+s3c+r3t", "my s3c r3t"),
        ] {
            let told = scrub(url, &format!("unknown: {secret}, sorry"));
            assert_eq!(told, "unknown: …, sorry", "{url}");
        }
    }

    #[test]
    fn a_part_of_a_secret_is_one_too() {
        assert_eq!(scrub(&robot(), "unknown key 693a91f6-7bcd-4bc…"), "unknown key ……");
        assert_eq!(scrub(&robot(), "no such key: 0ec2f1fa5aaa"), "no such key: …");
        assert_eq!(scrub(&robot(), "693a91"), "693a91");
    }

    #[test]
    fn every_part_of_a_url_but_the_host_is_secret() {
        let url = "https://me%40home:opensesame@relay.example.com:8443/hook/T0Ken/abcd?token=Zx9&flag&sub=quux#frag";
        let told = scrub(
            url,
            "relay.example.com:8443: no route for POST /hook/t0ken/ABCD, token Zx9 (quux, flag) of me@home:opensesame#frag",
        );
        assert_eq!(told, "relay.example.com:8443: no route for POST /hook/…/…, token … (…, …) of …:…#…");
        let in_a_head = BASE64_STANDARD.encode("me%40home:opensesame");
        assert_eq!(scrub(url, &format!("Authorization: Basic {in_a_head}")), "Authorization: Basic …");
    }

    #[test]
    fn a_short_secret_is_found_as_a_word_alone() {
        let url = "https://relay.example.com/v2/abc?k=x1y";
        assert_eq!(
            scrub(url, "abc, \"ABC\" and a%62c are not abcd, v2 is no secret; x1y, x1yz"),
            "…, \"…\" and … are not abcd, v2 is no secret; …, x1yz"
        );
    }

    #[test]
    fn a_short_secret_in_pieces_is_found_too() {
        for secret in ["p4ss", "Qk7", "x1Y2z", "a1b2c3d"] {
            let url = format!("https://relay.example.com/hook/{secret}");
            for between in ["-", " ", "\" + \"", ", ", "%2D", "\\u002d"] {
                let written = secret.chars().map(String::from).collect::<Vec<_>>().join(between);
                assert_eq!(scrub(&url, &format!("no {written} here")), "no … here", "{written}");
                // A part of other words is none of it.
                assert_eq!(scrub(&url, &format!("no {written}er")), format!("no {written}er"));
            }
        }
    }

    #[test]
    fn ordinary_words_of_an_answer_stay() {
        let text =
            "invalid webhook url, from ip: 1.2.3.4, more info at https://open.work.weixin.qq.com/devtool/query?e=93000";
        assert_eq!(scrub(&robot(), text), text);
        assert_eq!(Scrubber::default().scrub(text), text);
    }

    #[test]
    fn what_was_in_force_once_stays_secret() {
        let mut scrubber = Scrubber::of_url(&Secret::new(robot()));
        let other = Secret::new("https://relay.example.com/hook/abcdefghijkl");
        scrubber.learn(&other);
        scrubber.learn(&other);
        assert_eq!(scrubber.scrub(&format!("{KEY} abcdefghijkl")), "… …");
        assert_eq!(scrubber.urls.expose().lines().count(), 2);
        assert!(!format!("{scrubber:?}").contains("abcdefgh"));
    }

    proptest! {
        #[test]
        fn no_text_shows_a_secret(before in "[ -~]{0,20}", after in "[ -~]{0,20}", layers in 0..3_usize) {
            let mut written = KEY.to_owned();
            for _ in 0..layers {
                written = written.bytes().map(|byte| format!("%{byte:02X}")).collect();
            }
            let told = scrub(&robot(), &format!("{before}{written}{after}"));
            prop_assert!(!told.contains(&written), "{}", told);
        }

        #[test]
        fn any_text_and_any_url_can_be_scrubbed(url in "(https://)?\\PC{0,40}", text in "\\PC{0,80}") {
            let _ = scrub(&url, &text);
        }
    }
}
