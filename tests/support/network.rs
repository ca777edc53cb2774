//! A network of the test's own: a namespace with nothing in it but loopback, and routes, rules and names as the test
//! wants them. It takes root, and is left out elsewhere, with a word, but in CI.

use std::fs;
use std::process::Command;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::geteuid;

use super::is_ci;

/// Runs `test` in a network where `hosts` are the only names, once each of `commands` has been run there. The threads
/// and processes of `test` are in that network too.
///
/// # Panics
/// A command fails, or `test` does; in CI also without root.
pub fn isolated(hosts: &str, commands: &[&str], test: impl FnOnce() + Send + 'static) {
    if !geteuid().is_root() {
        assert!(!is_ci(), "a network of its own takes root, which CI has");
        eprintln!("left out: a network of its own takes root");
        return;
    }
    let (hosts, commands) = (hosts.to_owned(), commands.iter().map(|&line| line.to_owned()).collect::<Vec<_>>());
    // Namespaces are a thread's: the others go on where they are.
    let inside = std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).expect("root may have namespaces");
        let folder = tempfile::tempdir().unwrap();
        let of_names = folder.path().join("hosts");
        fs::write(&of_names, hosts).unwrap();
        let of_servers = folder.path().join("resolv.conf");
        fs::write(&of_servers, "nameserver 127.0.0.1\n").unwrap();
        run("mount --make-rprivate /");
        run(&format!("mount --bind {} /etc/hosts", of_names.display()));
        run(&format!("mount --bind {} /etc/resolv.conf", of_servers.display()));
        run("ip link set lo up");
        commands.iter().for_each(|line| run(line));
        test();
    });
    if let Err(panic) = inside.join() {
        std::panic::resume_unwind(panic);
    }
}

fn run(line: &str) {
    let status = Command::new("sh").args(["-c", line]).status().unwrap();
    assert!(status.success(), "{line}");
}
