//! Proxies as people have them: tinyproxy, which speaks HTTP, and microsocks, which speaks SOCKS 5, each with a login.

use std::path::Path;

use super::proxies::Bed;
use super::{post, refusal};
use crate::support::network::isolated;
use crate::support::peer::{Peer, microsocks, tinyproxy};
use crate::support::robot::KEY;
use crate::support::wait_until;

#[test]
fn a_message_goes_through_real_proxies_with_a_login_and_no_other() {
    type Start = fn(u16, &Path) -> Vec<String>;
    let cases: [(&str, Start, &[&str], &str, &str); 2] = [
        ("tinyproxy", tinyproxy, &["http"], "CONNECT robot.example.com:", "does not accept the user name and password"),
        (
            "microsocks",
            microsocks,
            &["socks5", "socks5h"],
            "connected to ",
            "does not accept the user name and password",
        ),
    ];
    // A name of this machine would be asked for without a proxy.
    isolated("127.0.0.1 robot.example.com\n", &[], move || {
        for (name, arguments, schemes, logged, refused) in cases {
            let Some(proxy) = Peer::start_listening(name, arguments) else { continue };
            let bed = Bed::new();
            let url = format!("https://robot.example.com:{}/send?key={KEY}", bed.robot.address().port());
            for (count, scheme) in (1..).zip(schemes) {
                let with = |password: &str| format!("{scheme}://user:{password}@127.0.0.1:{}", proxy.port);
                let answer = post(&bed.worker(&[("https_proxy", &with("opensesame"))]), &url).unwrap();
                assert_eq!((answer.status, bed.robot.received().len()), (200, count), "{scheme}");
                let told = refusal(&bed.worker(&[("https_proxy", &with("wrong"))]), &url);
                assert!(
                    told.starts_with("the proxy that https_proxy names") && told.contains(refused),
                    "{scheme}: {told}"
                );
            }
            wait_until("it is in the proxy's log", || proxy.log().contains(logged));
            assert!(!proxy.log().contains(KEY), "{}", proxy.log());
            assert_eq!(bed.robot.received().len(), schemes.len());
        }
    });
}
