//! The agent as users run it: the built binary, in a place of its own with a /proc, a configuration and a state.
//!
//! All its output is searched for the webhook's key: no test has to think of that.

use std::cell::Cell;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value as Json;
use tempfile::TempDir;

use super::robot::KEY;
use super::{lay_over, wait_until};

pub const BINARY: &str = env!("CARGO_BIN_EXE_vps-monitor");

/// The contract gives a stop a second; the rest is for a machine that is busy with other tests. The waits that must not
/// happen (5 s for Docker, 10 s for a webhook, a minute's window) are beyond.
pub const PROMPTLY: Duration = Duration::from_secs(4);

/// Variables in the environment of a test run that an agent would obey.
const ENVIRONMENT: [&str; 12] = [
    "VPS_MONITOR_CONFIG",
    "STATE_DIRECTORY",
    "SYSTEMD_EXEC_PID",
    "JOURNAL_STREAM",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "NO_COLOR",
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
];

/// The programs are to have the default for these signals, also of a test run under nohup(1), or in the background of a
/// script. An ignored signal is ignored in them as well, but one that is caught has its default there (execve(2)).
fn catch_ignored_signals() {
    static CAUGHT: LazyLock<()> = LazyLock::new(|| {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
        let ignored = u64::from_str_radix(ignored.trim(), 16).unwrap();
        for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT].map(|signal| signal as i32) {
            if ignored >> (signal - 1) & 1 == 1 {
                signal_hook::flag::register(signal, Arc::default()).unwrap();
            }
        }
    });
    LazyLock::force(&CAUGHT);
}

/// A folder with all that one agent needs.
pub struct Place {
    folder: TempDir,
    agents: Cell<u32>,
}

/// A configuration under which a check takes a tenth of a second and the next one comes when a test asks for it.
/// An empty URL is no channel.
pub fn quick(webhook_url: &str) -> String {
    let wechat = if webhook_url.is_empty() { String::new() } else { format!("webhook_url: \"{webhook_url}\"") };
    format!(
        "general: {{hostname: web-1, timezone: UTC, check_interval: 1h, alert_cooldown: 1h, alert_settle: 0}}\n\
         wechat: {{{wechat}}}\n\
         system:\n\
         \x20 memory: {{threshold: 80}}\n\
         \x20 disk: {{enabled: false}}\n\
         \x20 cpu: {{sample_interval: 0.1}}\n\
         network:\n\
         \x20 traffic: {{sample_interval: 0.1}}\n\
         docker: {{enabled: false}}\n\
         scheduled_report: {{enabled: false}}\n"
    )
}

impl Place {
    /// A place on a host of fixtures/hosts.
    pub fn on(host: &str) -> Place {
        let place = Place { folder: tempfile::tempdir().unwrap(), agents: Cell::new(0) };
        place.become_host(host);
        place
    }

    /// The same with a configuration.
    pub fn configured(host: &str, yaml: &str) -> Place {
        let place = Place::on(host);
        place.configure(yaml);
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn config(&self) -> PathBuf {
        self.path("config.yaml")
    }

    pub fn state(&self) -> PathBuf {
        self.path("state")
    }

    pub fn state_file(&self) -> PathBuf {
        self.state().join("alert_state.json")
    }

    pub fn configure(&self, yaml: &str) {
        fs::write(self.config(), yaml).unwrap();
        // As an installation has it: others would be warned of.
        fs::set_permissions(self.config(), Permissions::from_mode(0o640)).unwrap();
    }

    /// Puts the files of another host into /proc.
    pub fn become_host(&self, host: &str) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts").join(host).join("proc");
        lay_over(&from, &self.path("proc"));
    }

    /// `vps-monitor ARGUMENTS` with this place's state and /proc, and its configuration if there is one.
    pub fn command(&self, arguments: &[&str]) -> Command {
        catch_ignored_signals();
        let mut command = Command::new(BINARY);
        for name in ENVIRONMENT {
            command.env_remove(name);
        }
        if self.config().exists() {
            command.arg("--config").arg(self.config());
        }
        command.arg("--state-dir").arg(self.state()).arg("--procfs").arg(self.path("proc")).args(arguments);
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Finished {
        finish(&mut self.command(arguments))
    }

    /// The same in a terminal of its own, which script(1) gives it: all that it shows is in `stdout`. `None` where that is
    /// not installed.
    pub fn run_in_terminal(&self, arguments: &[&str]) -> Option<Finished> {
        let command = self.command(arguments);
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let line: Vec<String> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
        let mut script = Command::new("script");
        script.args(["-qec", &line.join(" "), "/dev/null"]).current_dir(self.folder.path()).stdin(Stdio::null());
        if script.output().is_err() {
            eprintln!("left out, there is no script(1)");
            return None;
        }
        Some(finish(&mut script))
    }

    /// Starts an agent.
    pub fn start(&self, arguments: &[&str]) -> Agent {
        self.spawn(self.command(arguments))
    }

    /// Starts an agent after the shell commands of `before`, which can set limits, or change `$@`.
    pub fn start_in_shell(&self, before: &str, arguments: &[&str]) -> Agent {
        let agent = self.command(arguments);
        let mut shell = Command::new("sh");
        shell.args(["-ec", &format!("{before}\nexec \"$@\""), "sh"]);
        shell.arg(agent.get_program()).args(agent.get_args()).current_dir(self.folder.path()).stdin(Stdio::null());
        for name in ENVIRONMENT {
            shell.env_remove(name);
        }
        self.spawn(shell)
    }

    /// Starts an agent after the shell commands of `before`, in a mount namespace of its own. In it `$PLACE` is this
    /// folder.
    pub fn start_after(&self, before: &str, arguments: &[&str]) -> Agent {
        let agent = self.command(arguments);
        let mut shell = Command::new("unshare");
        shell.args(["--mount", "sh", "-ec", &format!("{before}\nexec \"$@\""), "sh"]);
        shell.arg(agent.get_program()).args(agent.get_args());
        for name in ENVIRONMENT {
            shell.env_remove(name);
        }
        shell.env("PLACE", self.folder.path()).stdin(Stdio::null());
        self.spawn(shell)
    }

    /// Whether [`Place::start_after`] can do this here: it takes root, and a machine that lets root mount.
    pub fn can(&self, before: &str) -> bool {
        let mut shell = Command::new("unshare");
        shell.args(["--mount", "sh", "-ec", before]).env("PLACE", self.folder.path());
        let done = shell.output().is_ok_and(|output| output.status.success());
        if !done {
            eprintln!("left out, as this user cannot do it on this machine: {before}");
        }
        done
    }

    /// Starts an agent by a command of [`Place::command`] that was changed.
    pub fn spawn(&self, command: Command) -> Agent {
        self.spawn_to(command, None, None)
    }

    /// The same with another standard output, or standard error, than the file that is kept for the test.
    pub fn spawn_to(&self, mut command: Command, stdout: Option<Stdio>, stderr: Option<Stdio>) -> Agent {
        let number = self.agents.get();
        self.agents.set(number + 1);
        let output = [self.path(&format!("printed-{number}")), self.path(&format!("log-{number}"))];
        let [printed, log] = [0, 1].map(|of| File::create(&output[of]).unwrap().into());
        command.stdout(stdout.unwrap_or(printed)).stderr(stderr.unwrap_or(log));
        Agent { child: command.spawn().expect("the agent starts"), output, ended: None }
    }

    /// The document of `status --json`.
    pub fn status(&self) -> Json {
        let status = self.run(&["status", "--json"]);
        let json: Json = serde_json::from_str(&status.stdout).unwrap_or_else(|_| panic!("{status:?}"));
        assert_eq!(status.code, if json["running"] == true { 0 } else { 3 }, "{status:?}");
        json
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Nothing that an agent left in its state may hold the key.
        for entry in fs::read_dir(self.state()).into_iter().flatten().flatten() {
            let bytes = fs::read(entry.path()).unwrap_or_default();
            if !std::thread::panicking() {
                assert_no_key(&entry.path().display().to_string(), &String::from_utf8_lossy(&bytes));
            }
        }
    }
}

/// The output of a command that has ended.
#[derive(Debug)]
pub struct Finished {
    /// The exit code, or 128 and the number of the signal that ended it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs any command to its end.
pub fn finish(command: &mut Command) -> Finished {
    let output = command.output().expect("the command starts");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    Finished::new(output.status, text(output.stdout), text(output.stderr))
}

impl Finished {
    fn new(status: ExitStatus, stdout: String, stderr: String) -> Finished {
        assert_no_key("standard output", &stdout);
        assert_no_key("standard error", &stderr);
        Finished { code: status.code().unwrap_or(128 + status.signal().unwrap_or(0)), stdout, stderr }
    }
}

pub fn assert_no_key(what: &str, text: &str) {
    assert!(!text.contains(KEY), "the webhook's key is in {what}:\n{text}");
}

/// An agent that runs. One that a test leaves behind is killed.
pub struct Agent {
    child: Child,
    output: [PathBuf; 2],
    ended: Option<ExitStatus>,
}

impl Agent {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The children of its process (proc_pid_stat(5): the parent is the second field after the name in brackets).
    pub fn children(&self) -> Vec<u32> {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.filter(|child| {
            let stat = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok());
            parent == Some(self.pid())
        })
        .collect()
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid().cast_signed()), signal).expect("the agent runs");
    }

    /// Its standard output so far.
    pub fn printed(&self) -> String {
        fs::read_to_string(&self.output[0]).unwrap()
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.output[1]).unwrap()
    }

    pub fn wait_for_log(&self, text: &str) {
        wait_until(&format!("`{text}` in the log"), || self.log().contains(text));
    }

    /// Waits until it has printed so many checks.
    pub fn wait_for_checks(&self, count: usize) {
        wait_until(&format!("check {count} is printed"), || self.checks() >= count);
    }

    /// How many checks it has printed.
    pub fn checks(&self) -> usize {
        self.printed().lines().filter(|line| line.starts_with("web-1 20")).count()
    }

    /// Waits for it to end by itself.
    pub fn finish(mut self) -> Finished {
        wait_until("the agent ends", || {
            self.ended = self.child.try_wait().unwrap();
            self.ended.is_some()
        });
        Finished::new(self.ended.unwrap_or_default(), self.printed(), self.log())
    }

    /// Has it stop, which it must do at once.
    pub fn stop(self, signal: Signal) -> Finished {
        let asked = Instant::now();
        self.signal(signal);
        let finished = self.finish();
        let took = asked.elapsed();
        assert!(took < PROMPTLY, "{signal} took {took:?}: {finished:?}");
        finished
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if self.ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            eprintln!("the agent printed:\n{}\nand logged:\n{}", self.printed(), self.log());
        }
    }
}

#[test]
fn tests_of_signals_pass_where_the_tests_themselves_ignore_them() {
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP INT QUIT; exec \"$@\"", "sh"]).arg(std::env::current_exe().unwrap());
    let finished = finish(shell.arg("--exact").args([
        "run::stopping::a_check_in_a_sampling_window",
        "run::unread::a_terminal_that_is_closed_ends_the_agent_and_frees_the_state",
    ]));
    assert!(finished.stdout.contains("2 passed"), "{finished:?}");
}
