//! The place of a secret: the configuration itself, or another place that it names, so that the rest of the file may be
//! shown around.
//!
//! `credential:NAME` is a credential that systemd hands to a service (systemd.exec(5), `LoadCredential=`), `file:/path`
//! a file, and `env:NAME` a variable of the environment. Each is read together with the configuration; its content is
//! never shown.

use std::env::VarError;
use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;

use super::{Complaint, confusable};

/// The bound of a secret: longer than any URL that a server takes, and than any password.
const MAX_BYTES: u64 = 8 * 1024;

/// systemd's folder for the credentials of the running service: for root, who checks a configuration by hand.
const CREDENTIALS_OF_THE_SERVICE: &str = "/run/credentials/vps-monitor.service";

/// In the place of a secret that is shown. No URL has it, nor has a key that somebody was given; of a password that does,
/// the place can be named.
const MASK: char = '…';

/// The places outside the configuration that may hold a secret.
struct Place<'a> {
    /// `$CREDENTIALS_DIRECTORY`, or its stand-in.
    credentials: &'a Path,
    variable: fn(&str) -> Result<String, VarError>,
}

/// The secret that `text` is, or whose place it names, as `parse` reads it (`None`: it is empty). `noun` is the word
/// for it.
///
/// # Errors
/// The place cannot be read, is empty, or holds no such secret: the complaint names the place and never its content.
pub fn stored<T>(
    text: &str,
    noun: &str,
    parse: fn(&str) -> Result<Option<T>, Complaint>,
) -> Result<Option<T>, Complaint> {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").unwrap_or_else(|| CREDENTIALS_OF_THE_SERVICE.into());
    find(text, noun, parse, &Place { credentials: Path::new(&credentials), variable: |name| std::env::var(name) })
}

/// The kind and the name of the secret's place; `None`: the text is the secret itself.
fn named_place(text: &str) -> Option<(&str, &str)> {
    text.trim().split_once(':').filter(|(kind, _)| matches!(*kind, "credential" | "file" | "env"))
}

/// The place at which everybody on this machine can read the secret.
pub(super) enum Exposure {
    None,
    /// It is in the configuration, and so is as open as that.
    Configuration,
    /// It is in this file, which everybody can read.
    File(String),
}

/// The readers of the secret that `text` is, or whose place it names.
pub(super) fn exposure(text: &str) -> Exposure {
    match named_place(text) {
        Some(("file", path)) if fs::metadata(path).is_ok_and(|file| file.mode() & 0o004 != 0) => {
            Exposure::File(path.to_owned())
        }
        Some(_) => Exposure::None,
        None => Exposure::Configuration,
    }
}

fn find<T>(
    text: &str,
    noun: &str,
    parse: fn(&str) -> Result<Option<T>, Complaint>,
    place: &Place<'_>,
) -> Result<Option<T>, Complaint> {
    let (what, found) = match named_place(text) {
        Some(("credential", name)) => (format!("the credential `{name}`"), credential(name, place.credentials)?),
        Some(("file", path)) => (format!("the file {path}"), file(path, noun)?),
        Some((_, name)) => (format!("the variable `{name}`"), variable(name, place.variable)?),
        None if text.contains(MASK) => {
            let complaint = Complaint::new("is a masked value, as `config show` prints it");
            let expected = format!("the {noun} itself, or where it is: credential:NAME, file:/path, env:NAME");
            return Err(complaint.expected(expected));
        }
        None => return parse(text),
    };
    // Some editors put a byte order mark at the beginning of a file.
    let found = found.trim_start_matches('\u{feff}');
    match parse(found) {
        Ok(None) => Err(Complaint::new(format!("{what} is empty")).expected(format!("the {noun} in it"))),
        Ok(secret) => Ok(secret),
        Err(complaint) => Err(match confusable(found) {
            Some(odd) => Complaint { message: format!("{what} holds no {noun}: {}", odd.message), at: None, ..odd },
            None => Complaint { message: format!("{what} {}", complaint.message), ..complaint },
        }),
    }
}

fn credential(name: &str, folder: &Path) -> Result<String, Complaint> {
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return Err(Complaint::new("this is not a credential's name").expected("credential:NAME, without a path"));
    }
    read(&folder.join(name)).map_err(|error| {
        let expected = format!(
            "`LoadCredential={name}:/path/of/the/file` in the unit (systemctl edit vps-monitor), and a service that \
             was restarted since; by hand it can be read by root alone, while the service runs"
        );
        Complaint::new(format!("the credential `{name}` cannot be read: {error}")).expected(expected)
    })
}

fn file(path: &str, noun: &str) -> Result<String, Complaint> {
    if !path.starts_with('/') {
        return Err(Complaint::new("this is not an absolute path").expected("file:/path"));
    }
    let expected = format!("a file with the {noun} in it, which the user of the service may read");
    read(Path::new(path))
        .map_err(|error| Complaint::new(format!("the file {path} cannot be read: {error}")).expected(expected))
}

fn variable(name: &str, get: fn(&str) -> Result<String, VarError>) -> Result<String, Complaint> {
    // Variables do not have such names (environ(7)).
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(Complaint::new("this is not a variable's name").expected("env:NAME"));
    }
    get(name).map_err(|error| {
        let why = if error == VarError::NotPresent { "is not set" } else { "is not UTF-8 text" };
        let expected = format!("`EnvironmentFile=/path` in the unit, with a line {name}=… in that file");
        Complaint::new(format!("the variable `{name}` {why}")).expected(expected)
    })
}

/// A small regular file, whole. Anything else (a pipe, say) might never answer.
fn read(path: &Path) -> io::Result<String> {
    let file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut text = String::new();
    if file.take(MAX_BYTES + 1).read_to_string(&mut text)? as u64 > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is longer than a secret can be"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "693a91f6-7bcd-4bc4-97a0-0ec2f1fa5aaa";

    fn parse(text: &str) -> Result<Option<String>, Complaint> {
        match text.trim() {
            "" => Ok(None),
            "YOUR_KEY" => Err(Complaint::new("still holds the placeholder").expected("a key")),
            key if key.len() == KEY.len() => Ok(Some(key.to_owned())),
            _ => Err(Complaint::new("is no key")),
        }
    }

    fn find_in(folder: &Path, text: &str) -> Result<Option<String>, Complaint> {
        let variable = |name: &str| match name {
            "WEBHOOK" => Ok(KEY.to_owned()),
            "EMPTY" => Ok(String::new()),
            _ => Err(VarError::NotPresent),
        };
        find(text, "webhook", parse, &Place { credentials: folder, variable })
    }

    #[test]
    fn a_webhook_is_found_in_each_place_that_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("webhook"), format!("{KEY}\n")).unwrap();
        let file = format!("file:{}/webhook", folder.path().display());
        let direct = Some(KEY.to_owned());
        fs::write(folder.path().join("marked"), format!("\u{feff}{KEY}\r\n")).unwrap();
        for text in ["credential:webhook", "credential:marked", "env:WEBHOOK", &file, KEY] {
            assert_eq!(find_in(folder.path(), text).unwrap(), direct, "{text}");
        }
        assert_eq!(find_in(folder.path(), "").unwrap(), None);
    }

    #[test]
    fn a_place_without_a_webhook_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("placeholder"), "YOUR_KEY").unwrap();
        fs::write(folder.path().join("long"), "x".repeat(10_000)).unwrap();
        fs::write(folder.path().join("pasted"), format!("{KEY}\u{200b}\n")).unwrap();
        fs::create_dir(folder.path().join("folder")).unwrap();
        for (text, message, expected) in [
            ("credential:absent", "the credential `absent` cannot be read: No such file", "LoadCredential=absent:"),
            ("credential:../secret", "this is not a credential's name", "credential:NAME"),
            ("credential:placeholder", "the credential `placeholder` still holds the placeholder", "a key"),
            ("credential:pasted", "the credential `pasted` holds no webhook: U+200B", "without it"),
            ("credential:long", "the credential `long` cannot be read: it is longer", "LoadCredential"),
            ("credential:folder", "the credential `folder` cannot be read: it is not a regular file", ""),
            ("file:etc/webhook", "this is not an absolute path", "file:/path"),
            ("file:/nonexistent/webhook", "the file /nonexistent/webhook cannot be read: No such file", "may read"),
            ("env:ABSENT", "the variable `ABSENT` is not set", "EnvironmentFile="),
            ("env:EMPTY", "the variable `EMPTY` is empty", "webhook"),
            ("env:A=B", "this is not a variable's name", "env:NAME"),
        ] {
            let complaint = find_in(folder.path(), text).unwrap_err();
            assert!(complaint.message.starts_with(message), "{text}: {}", complaint.message);
            assert!(complaint.expected.contains(expected), "{text}: {}", complaint.expected);
        }
    }

    #[test]
    fn a_masked_secret_is_none_but_in_a_place_of_its_own_any_text_may_be_one() {
        let any = |text: &str| Ok(Some(text.to_owned()));
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("word"), "pass…word").unwrap();
        let place = Place { credentials: folder.path(), variable: |_| Err(VarError::NotPresent) };
        for text in ["…", "…5aaa", "https://hc-ping.com/…4567"] {
            let complaint = find(text, "URL", any, &place).unwrap_err();
            assert!(complaint.message.starts_with("is a masked value"), "{complaint:?}");
            assert!(complaint.expected.starts_with("the URL itself, or where it is"), "{complaint:?}");
        }
        assert_eq!(find("credential:word", "password", any, &place), Ok(Some("pass…word".to_owned())));
    }

    #[test]
    fn a_secret_is_as_open_as_the_place_where_it_stands() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("webhook");
        fs::write(&path, KEY).unwrap();
        let text = format!("file:{}", path.display());
        for (mode, is_open) in [(0o644, true), (0o640, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(
                matches!(exposure(&text), Exposure::File(open) if path == Path::new(&open)),
                is_open,
                "{mode:o}"
            );
        }
        assert!(matches!(exposure("env:WEBHOOK"), Exposure::None));
        assert!(matches!(exposure("file:/nonexistent"), Exposure::None));
        assert!(matches!(exposure(KEY), Exposure::Configuration));
    }

    #[test]
    fn what_a_place_holds_is_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("odd"), format!("key: {KEY}")).unwrap();
        let complaint = find_in(folder.path(), "credential:odd").unwrap_err();
        assert!(!format!("{complaint:?}").contains("693a91f6"), "{complaint:?}");
    }

    #[test]
    fn a_pipe_that_nobody_writes_to_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        nix::unistd::mkfifo(&folder.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let complaint = find_in(folder.path(), "credential:pipe").unwrap_err();
        assert!(complaint.message.ends_with("it is not a regular file"), "{}", complaint.message);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_webhook_a_place_or_refused(text in "(credential|file|env)?:?.{0,40}") {
            let folder = Path::new("/nonexistent");
            let _ = find_in(folder, &text);
        }
    }
}
