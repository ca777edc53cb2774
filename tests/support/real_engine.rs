//! The machine's own Docker engine, for facts that no stand-in can prove. It may be somebody's: it is used only on
//! request. Everything that a test makes there is named `vpsmon-test-PID-…` and removed with the test.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, Weak};

use vps_monitor::docker::Address;

const SOCKET: &str = "/var/run/docker.sock";

/// Set to 1 where tests may make containers in the machine's engine.
const ASKED_FOR: &str = "VPS_MONITOR_TEST_DOCKER";

/// Set where a real engine must be there (CI): then its absence fails a test instead of skipping it.
const REQUIRED: &str = "VPS_MONITOR_REQUIRE_DOCKER";

/// One test's containers on a real engine.
pub struct RealEngine {
    socket: String,
    /// Begins the names of this test's containers, which are removed when it ends.
    pub prefix: String,
    _image: Arc<Image>,
}

/// A busybox, imported once for all tests that run side by side.
struct Image {
    socket: String,
}

impl RealEngine {
    /// The machine's engine; `None`, and the reason printed, where it is not asked for or there is none.
    ///
    /// # Panics
    /// There is none, and it is required.
    pub fn of_machine(test: &str) -> Option<RealEngine> {
        if !is_asked_for(std::env::var(ASKED_FOR).ok().as_deref()) {
            skip(format!("{ASKED_FOR}=1 lets tests make containers in this machine's engine"));
            return None;
        }
        RealEngine::at(SOCKET, test).map_err(skip).ok()
    }

    /// The engine that listens on `socket`.
    pub fn at(socket: &str, test: &str) -> Result<RealEngine, String> {
        let answer = docker(socket, &["version", "--format", "{{.Server.Version}}"])?;
        if !answer.status.success() {
            return Err(format!("no engine on {socket}: {}", String::from_utf8_lossy(&answer.stderr)));
        }
        let prefix = format!("vpsmon-test-{}-{test}-", std::process::id());
        Ok(RealEngine { socket: socket.to_owned(), prefix, _image: Image::of(socket)? })
    }

    pub fn address(&self) -> Address {
        Address::at(Path::new(&self.socket)).unwrap()
    }

    /// Starts a container of this test: `docker run -d` with `options`, running `script` in a shell.
    pub fn run(&self, name: &str, options: &[&str], script: &str) {
        self.make(&["run", "-d"], name, options, script);
    }

    /// Makes such a container and does not start it.
    pub fn create(&self, name: &str) {
        self.make(&["create"], name, &[], "true");
    }

    /// The same under a name that does not begin as those of this test, and has them in it.
    pub fn create_as(&self, name: &str, options: &[&str], script: &str) {
        self.docker(&[&["create", "--name", name][..], options, &[&Image::name(), "sh", "-c", script]].concat());
    }

    fn make(&self, how: &[&str], name: &str, options: &[&str], script: &str) {
        let (image, name) = (Image::name(), format!("{}{name}", self.prefix));
        self.docker(&[how, &["--name", &name], options, &[&image, "sh", "-c", script]].concat());
    }

    /// `docker ARGUMENTS`, in which `@NAME` is a container of this test.
    ///
    /// # Panics
    /// It fails.
    pub fn docker(&self, arguments: &[&str]) -> String {
        let arguments: Vec<String> = arguments
            .iter()
            .map(|text| text.strip_prefix('@').map_or((*text).to_owned(), |name| format!("{}{name}", self.prefix)))
            .collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = docker(&self.socket, &arguments).unwrap();
        assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for RealEngine {
    fn drop(&mut self) {
        let filter = format!("name={}", self.prefix);
        let Ok(listed) = docker(&self.socket, &["ps", "-aq", "--filter", &filter]) else { return };
        for id in String::from_utf8_lossy(&listed.stdout).split_whitespace() {
            let _ = docker(&self.socket, &["rm", "-f", id]);
        }
    }
}

impl Image {
    fn name() -> String {
        format!("vpsmon-test-{}", std::process::id())
    }

    fn of(socket: &str) -> Result<Arc<Image>, String> {
        static IMAGES: Mutex<Vec<Weak<Image>>> = Mutex::new(Vec::new());
        let mut images = IMAGES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        images.retain(|image| image.strong_count() > 0);
        if let Some(image) = images.iter().filter_map(Weak::upgrade).find(|image| image.socket == socket) {
            return Ok(image);
        }
        import(socket)?;
        let image = Arc::new(Image { socket: socket.to_owned() });
        images.push(Arc::downgrade(&image));
        Ok(image)
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = docker(&self.socket, &["rmi", "-f", &Image::name()]);
    }
}

/// Makes an image of nothing but the machine's own, static busybox: no registry is needed.
fn import(socket: &str) -> Result<(), String> {
    let script = r#"
        set -e; d=$(mktemp -d); trap 'rm -rf "$d"' EXIT
        mkdir -p "$d/bin" "$d/tmp" "$d/proc"; cp "$(command -v busybox)" "$d/bin/busybox"
        for a in sh sleep true false echo dd test kill touch rm cat; do ln -s busybox "$d/bin/$a"; done
        tar -C "$d" -c . | docker -H "unix://$1" import -c 'ENV PATH=/bin' - "$2"
    "#;
    let output = Command::new("sh").args(["-c", script, "sh", socket, &Image::name()]).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("no image (is busybox-static there?): {}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(error.to_string()),
    }
}

fn is_asked_for(variable: Option<&str>) -> bool {
    variable == Some("1")
}

fn docker(socket: &str, arguments: &[&str]) -> Result<Output, String> {
    let mut command = Command::new("docker");
    command.args(["-H", &format!("unix://{socket}")]).args(arguments).stdin(Stdio::null());
    command.output().map_err(|error| format!("docker: {error}"))
}

/// Says why a test does not run.
///
/// # Panics
/// A real engine is required.
pub fn skip(reason: String) {
    assert!(std::env::var_os(REQUIRED).is_none(), "{REQUIRED} is set, but: {reason}");
    eprintln!("skipped: {reason}");
}

#[test]
fn no_test_touches_the_machines_engine_unless_it_is_asked_for() {
    assert!(is_asked_for(Some("1")));
    for other in [None, Some(""), Some("0")] {
        assert!(!is_asked_for(other), "{other:?}");
    }
}
