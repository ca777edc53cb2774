//! SOCKS 4 and 4a (the notes of NEC from 1993 and 1996), and SOCKS 5 (RFC 1928) with user name and password (RFC 1929).
//!
//! The handshakes are our own: ureq's connector for SOCKS connects by itself, one address after another, sends no user
//! with SOCKS 4, and gives up on an IPv6 address there.

use std::io::{Read, Write};
use std::net::SocketAddr;

use super::{Refusal, not_understood, told};
use crate::http::Target;
use crate::http::proxy::Login;

/// The destination in a request to a SOCKS proxy.
pub enum Destination<'a> {
    Address(SocketAddr),
    Name(&'a str, u16),
}

impl<'a> Destination<'a> {
    pub fn new(target: &'a Target, address: Option<SocketAddr>) -> Destination<'a> {
        let literal = || Some(SocketAddr::new(target.host.parse().ok()?, target.port));
        address.or_else(literal).map_or(Destination::Name(&target.host, target.port), Destination::Address)
    }
}

pub fn version_4(
    stream: &mut (impl Read + Write),
    login: Option<&Login>,
    destination: &Destination<'_>,
) -> Result<(), Refusal> {
    let user = login.map_or_else(String::new, |login| login.user.expose());
    let (port, address, name) = match destination {
        Destination::Address(SocketAddr::V4(address)) => (address.port(), address.ip().octets(), None),
        Destination::Address(SocketAddr::V6(_)) => {
            return Err(told("speaks SOCKS 4, which has no IPv6: use socks5:// or socks4a://"));
        }
        // 4a: an invalid address, and the name behind the user.
        Destination::Name(name, port) => (*port, [0, 0, 0, 1], Some(name)),
    };
    if user.contains('\0') {
        return Err(told("cannot be sent a user name with a NUL in it"));
    }
    let mut request = vec![4, 1];
    request.extend(port.to_be_bytes());
    request.extend(address);
    request.extend(user.bytes().chain([0]));
    request.extend(name.into_iter().flat_map(|name| name.bytes().chain([0])));
    stream.write_all(&request)?;
    stream.flush()?;
    let mut reply = [0; 8];
    stream.read_exact(&mut reply)?;
    match reply[..2] {
        [0, 90] => Ok(()),
        [0, 91] => Err(Refusal::Unreachable("refuses the connection, or cannot make it (SOCKS 4 code 91)".to_owned())),
        [0, code @ (92 | 93)] => Err(told(&format!("requires identd (SOCKS 4 code {code})"))),
        [0, code] => Err(told(&format!("refuses the connection (SOCKS 4 code {code})"))),
        _ => Err(not_understood()),
    }
}

pub fn version_5(
    stream: &mut (impl Read + Write),
    login: Option<&Login>,
    destination: &Destination<'_>,
) -> Result<(), Refusal> {
    const NO_LOGIN: u8 = 0;
    const BY_PASSWORD: u8 = 2;
    const NONE_OF_THESE: u8 = 0xff;
    let methods: &[u8] = if login.is_some() { &[5, 2, NO_LOGIN, BY_PASSWORD] } else { &[5, 1, NO_LOGIN] };
    stream.write_all(methods)?;
    stream.flush()?;
    let mut choice = [0; 2];
    stream.read_exact(&mut choice)?;
    match (choice, login) {
        ([5, NO_LOGIN], _) => {}
        ([5, BY_PASSWORD], Some(login)) => log_in(stream, login)?,
        ([5, BY_PASSWORD | NONE_OF_THESE], None) => {
            return Err(told("requires a user name and a password: socks5h://USER:PASSWORD@HOST:PORT"));
        }
        ([5, _], _) => return Err(told("requires an authentication method that is not supported")),
        _ => return Err(not_understood()),
    }

    let mut request = vec![5, 1, 0];
    let port = match destination {
        Destination::Address(SocketAddr::V4(address)) => {
            request.push(1);
            request.extend(address.ip().octets());
            address.port()
        }
        Destination::Address(SocketAddr::V6(address)) => {
            request.push(4);
            request.extend(address.ip().octets());
            address.port()
        }
        Destination::Name(name, port) => {
            request.push(3);
            push_counted(&mut request, name).ok_or_else(|| told("cannot be sent a name of over 255 bytes"))?;
            *port
        }
    };
    request.extend(port.to_be_bytes());
    stream.write_all(&request)?;
    stream.flush()?;
    read_reply(stream)
}

/// The reply to a request: RFC 1928 section 6.
fn read_reply(stream: &mut impl Read) -> Result<(), Refusal> {
    let mut head = [0; 4];
    stream.read_exact(&mut head[..2])?;
    let why = match head[..2] {
        [5, 0] => None,
        [5, 1] => Some("it failed"),
        [5, 2] => Some("not allowed"),
        [5, 3] => Some("network unreachable"),
        [5, 4] => Some("host unreachable"),
        [5, 5] => Some("connection refused"),
        [5, 6] => Some("timed out"),
        [5, 7] => Some("it does not know the command"),
        [5, 8] => Some("it does not know this kind of address"),
        [5, _] => Some("for a reason of its own"),
        _ => return Err(not_understood()),
    };
    if let Some(why) = why {
        return Err(Refusal::Unreachable(format!("cannot connect: {why} (SOCKS 5 code {})", head[1])));
    }
    // The address that it is bound to has no use here, but it must be read.
    stream.read_exact(&mut head[2..])?;
    let length = match head[3] {
        1 => 4,
        4 => 16,
        3 => {
            let mut length = [0];
            stream.read_exact(&mut length)?;
            usize::from(length[0])
        }
        _ => return Err(not_understood()),
    };
    let mut bound = [0; u8::MAX as usize + 2];
    stream.read_exact(&mut bound[..length + 2])?;
    Ok(())
}

fn log_in(stream: &mut (impl Read + Write), login: &Login) -> Result<(), Refusal> {
    let mut request = vec![1];
    let complete = push_counted(&mut request, &login.user.expose())
        .and_then(|()| push_counted(&mut request, &login.password.expose()));
    complete.ok_or_else(|| told("cannot be sent a user name or password of over 255 bytes"))?;
    stream.write_all(&request)?;
    stream.flush()?;
    let mut reply = [0; 2];
    stream.read_exact(&mut reply)?;
    // The version is 1, though some send 5.
    if reply[1] == 0 { Ok(()) } else { Err(told("does not accept the user name and password")) }
}

/// A length in one byte, and the text.
fn push_counted(request: &mut Vec<u8>, text: &str) -> Option<()> {
    request.push(u8::try_from(text.len()).ok()?);
    request.extend(text.bytes());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{play, proxy};
    use crate::http::proxy::Protocol;

    #[test]
    fn socks4_gets_an_address_and_a_user_and_4a_a_name() {
        const YES: &[u8] = b"\x00\x5a\x00\x00\x00\x00\x00\x00TLS";
        let plain = proxy(Protocol::Socks4, Some(("me", "ignored")));
        let heard = play(&plain, "robot", Some("10.1.2.3:443"), YES).unwrap();
        assert_eq!(heard, b"\x04\x01\x01\xbb\x0a\x01\x02\x03me\x00");
        assert!(play(&plain, "robot", Some("[::1]:443"), YES).unwrap_err().contains("no IPv6"));
        let named = proxy(Protocol::Socks4a, None);
        assert_eq!(play(&named, "robot", None, YES).unwrap(), b"\x04\x01\x01\xbb\x00\x00\x00\x01\x00robot\x00");
        assert_eq!(play(&named, "10.1.2.3", None, YES).unwrap(), b"\x04\x01\x01\xbb\x0a\x01\x02\x03\x00");
        for code in [91, 92, 93, 7] {
            let told = play(&named, "robot", None, &[0, code, 0, 0, 0, 0, 0, 0]).unwrap_err();
            assert!(told.contains(&format!("code {code}")), "{told}");
        }
        assert!(play(&named, "robot", None, b"HTTP/1.1 400 Bad\r\n").unwrap_err().contains("check its scheme"));
    }

    #[test]
    fn socks5_gets_a_name_or_an_address() {
        let named = proxy(Protocol::Socks5h, None);
        let yes = b"\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00TLS";
        assert_eq!(play(&named, "robot", None, yes).unwrap(), b"\x05\x01\x00\x05\x01\x00\x03\x05robot\x01\xbb");
        let bound_to_a_name = b"\x05\x00\x05\x00\x00\x03\x02ab\x00\x00TLS";
        let heard = play(&named, "::1", None, bound_to_a_name).unwrap();
        assert_eq!(heard, [&b"\x05\x01\x00\x05\x01\x00\x04"[..], &[0; 15], b"\x01\x01\xbb"].concat());
        let bound_to_v6 = [&b"\x05\x00\x05\x00\x00\x04"[..], &[0; 18], b"TLS"].concat();
        let heard = play(&proxy(Protocol::Socks5, None), "robot", Some("10.1.2.3:443"), &bound_to_v6).unwrap();
        assert_eq!(heard, b"\x05\x01\x00\x05\x01\x00\x01\x0a\x01\x02\x03\x01\xbb");
    }

    #[test]
    fn socks5_logs_in_where_it_is_asked_to() {
        let proxy = proxy(Protocol::Socks5h, Some(("me", "pw")));
        let asked = b"\x05\x02\x01\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00TLS";
        let heard = play(&proxy, "robot", None, asked).unwrap();
        assert!(heard.starts_with(b"\x05\x02\x00\x02\x01\x02me\x02pw\x05\x01\x00\x03"), "{heard:?}");
        let unasked = b"\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00TLS";
        assert!(play(&proxy, "robot", None, unasked).unwrap().starts_with(b"\x05\x02\x00\x02\x05\x01\x00\x03"));
        assert_eq!(
            play(&proxy, "robot", None, b"\x05\x02\x01\x01").unwrap_err(),
            "does not accept the user name and password"
        );
    }

    #[test]
    fn each_refusal_of_a_socks5_proxy_is_told() {
        let refused = |answers: &[u8]| play(&proxy(Protocol::Socks5h, None), "robot", None, answers).unwrap_err();
        assert!(refused(b"\x05\xff").contains("requires a user name"));
        assert!(refused(b"\x05\x02").contains("requires a user name"));
        assert!(refused(b"\x05\x01").contains("not supported"));
        assert!(refused(b"HTTP/1.1").contains("check its scheme"));
        assert_eq!(refused(b"\x05\x00\x05\x05"), "cannot connect: connection refused (SOCKS 5 code 5)");
        assert!(refused(b"\x05\x00\x05\x63").contains("SOCKS 5 code 99"));
        assert!(refused(b"\x05\x00\x05\x00\x00\x09").contains("check its scheme"));
        let long = "x".repeat(256);
        assert!(play(&proxy(Protocol::Socks5h, None), &long, None, b"\x05\x00").unwrap_err().contains("255 bytes"));
    }
}
