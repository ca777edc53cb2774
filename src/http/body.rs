//! A body that is made once a file is there: its parts, and the forms in which an address takes the file.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// A part of a body.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BodyPart {
    /// A key may be in it.
    Text(String),
    /// The file as it is.
    File,
    /// In Base64 (RFC 4648), on one line.
    Base64,
    /// The same in lines of 76 characters, which end with CR and LF (RFC 2045).
    Base64Lines,
    /// Its MD5 sum (RFC 1321), in small hexadecimal digits.
    Md5,
}

impl fmt::Debug for BodyPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BodyPart::Text(_) => "Text(…)",
            BodyPart::File => "File",
            BodyPart::Base64 => "Base64",
            BodyPart::Base64Lines => "Base64Lines",
            BodyPart::Md5 => "Md5",
        })
    }
}

/// The body with the file in it.
pub fn with_file(parts: &[BodyPart], file: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(file.len() * 3 / 2);
    for part in parts {
        match part {
            BodyPart::Text(text) => body.extend_from_slice(text.as_bytes()),
            BodyPart::File => body.extend_from_slice(file),
            BodyPart::Base64 => body.extend_from_slice(STANDARD.encode(file).as_bytes()),
            BodyPart::Base64Lines => body.extend_from_slice(base64_lines(file).as_bytes()),
            BodyPart::Md5 => body.extend_from_slice(format!("{:x}", md5::compute(file)).as_bytes()),
        }
    }
    body
}

/// `bytes` in Base64, in lines as mails have them: RFC 2045 section 6.8.
pub fn base64_lines(bytes: &[u8]) -> String {
    /// 76 characters.
    const LINE_BYTES: usize = 57;
    bytes.chunks(LINE_BYTES).map(|chunk| STANDARD.encode(chunk) + "\r\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_put_in_as_it_is_in_base64_and_by_its_sum() {
        let text = |text: &str| BodyPart::Text(text.to_owned());
        let parts = [text("a="), BodyPart::Base64, text(" b="), BodyPart::Md5, text(" c="), BodyPart::File];
        let expected = "a=bWVzc2FnZSBkaWdlc3Q= b=f96b697d7cb7938d525a2f31aaf161d0 c=message digest";
        assert_eq!(String::from_utf8(with_file(&parts, b"message digest")).unwrap(), expected);
    }

    /// RFC 1321, A.5.
    #[test]
    fn the_sums_are_those_of_the_standard() {
        for (text, sum) in [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("a", "0cc175b9c0f1b6a831c399e269772661"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
        ] {
            assert_eq!(with_file(&[BodyPart::Md5], text.as_bytes()), sum.as_bytes());
        }
    }
}
