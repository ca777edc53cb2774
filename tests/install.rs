//! `make install` into a folder (DESTDIR), as packagers use it: no root, no service. Its effect on a running system is
//! in tests/systemd.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::agent::{Finished, finish};

/// A folder to install into, and a stand-in for the binary.
struct Stage {
    folder: TempDir,
}

impl Stage {
    fn new() -> Stage {
        let stage = Stage { folder: tempfile::tempdir().unwrap() };
        // A path with a blank, which `make` and the script must take as it is.
        fs::create_dir(stage.folder.path().join("a build")).unwrap();
        fs::write(stage.binary(), "#!/bin/sh\n").unwrap();
        assert!(Command::new("chmod").arg("+x").arg(stage.binary()).status().unwrap().success());
        stage
    }

    fn binary(&self) -> PathBuf {
        self.folder.path().join("a build/vps-monitor")
    }

    /// The file that is installed as `path`.
    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join("the stage").join(path.trim_start_matches('/'))
    }

    fn run(&self, what: &str, variables: &[(&str, &str)]) -> Finished {
        let mut script = Command::new("systemd/install.sh");
        script
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .arg(what)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap());
        script.env("DESTDIR", self.at("/")).env("BINARY", self.binary()).envs(variables.iter().copied());
        finish(&mut script)
    }

    fn install(&self, variables: &[(&str, &str)]) {
        let installed = self.run("install", variables);
        assert_eq!((installed.code, installed.stderr.as_str()), (0, ""), "{variables:?}: {installed:?}");
    }

    fn files(&self) -> Vec<String> {
        fn collect(folder: &Path, root: &Path, found: &mut Vec<String>) {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    collect(&entry.path(), root, found);
                } else {
                    found.push(format!("/{}", entry.path().strip_prefix(root).unwrap().display()));
                }
            }
        }
        let mut found = Vec::new();
        collect(&self.at("/"), &self.at("/"), &mut found);
        found.sort();
        found
    }
}

#[test]
fn it_puts_everything_below_the_folder_and_uninstall_takes_it_back() {
    let stage = Stage::new();
    stage.install(&[]);
    let installed = [
        "/etc/systemd/system/vps-monitor.service",
        "/etc/sysusers.d/vps-monitor.conf",
        "/etc/vps-monitor/config.yaml",
        "/usr/local/bin/vps-monitor",
        "/usr/local/share/bash-completion/completions/vps-monitor",
        "/usr/local/share/fish/vendor_completions.d/vps-monitor.fish",
        "/usr/local/share/man/man5/vps-monitor-config.5",
        "/usr/local/share/man/man8/vps-monitor.8",
        "/usr/local/share/vps-monitor/OFL.txt",
        "/usr/local/share/vps-monitor/config.schema.json",
        "/usr/local/share/zsh/site-functions/_vps-monitor",
    ];
    assert_eq!(stage.files(), installed);
    let unit = fs::read_to_string(stage.at(installed[0])).unwrap();
    assert!(unit.contains("\nExecStart=/usr/local/bin/vps-monitor run\n"), "{unit}");
    assert_eq!(stage.run("uninstall", &[]).code, 0);
    assert_eq!(stage.files(), ["/etc/vps-monitor/config.yaml"]);
    assert_eq!(stage.run("purge", &[]).code, 0);
    assert_eq!(stage.files(), [""; 0]);
}

#[test]
fn the_installed_template_names_the_schema_that_came_with_it() {
    for prefix in ["/usr/local", "/usr"] {
        let stage = Stage::new();
        stage.install(&[("PREFIX", prefix)]);
        let config = fs::read_to_string(stage.at("/etc/vps-monitor/config.yaml")).unwrap();
        let (first, rest) = config.split_once('\n').unwrap();
        let schema = first.strip_prefix("# yaml-language-server: $schema=").unwrap();
        assert_eq!(schema, format!("{prefix}/share/vps-monitor/config.schema.json"));
        assert_eq!(fs::read_to_string(stage.at(schema)).unwrap(), include_str!("../share/config.schema.json"));
        assert_eq!(rest, include_str!("../etc/config.yaml"));
    }
}

#[test]
fn odd_paths_are_escaped_as_systemd_reads_them() {
    // Names that systemd takes as an executable, and names that it takes only as an argument.
    let cases = [
        ("/opt/a&b", "/etc", r#""/opt/a&b/bin/vps-monitor""#, "", ""),
        ("/opt/100%", "/etc", r#""/opt/100%%/bin/vps-monitor""#, "", ""),
        ("/opt/two words", "/etc", r#""/opt/two words/bin/vps-monitor""#, "", ""),
        ("/opt/|#$1", "/etc", r#""/opt/|#$1/bin/vps-monitor""#, "", ""),
        ("/opt/监控", "/etc", r#""/opt/监控/bin/vps-monitor""#, "", ""),
        ("/opt/\"q\" \\", "/etc", r#""/opt/\"q\" \\/bin/vps-monitor""#, r#"/bin/sh -c "exec \"$$0\" \"$$@\"" "#, ""),
        ("/opt/it's", "/etc", r#""/opt/it's/bin/vps-monitor""#, r#"/bin/sh -c "exec \"$$0\" \"$$@\"" "#, ""),
        ("/usr", "/o/$H & 5%", "/usr/bin/vps-monitor", "", r#" --config "/o/$$H & 5%%/vps-monitor/config.yaml""#),
    ];
    for (prefix, sysconfdir, program, before, option) in cases {
        let stage = Stage::new();
        let variables = [("PREFIX", prefix), ("SYSCONFDIR", sysconfdir), ("UNITDIR", "/units & more")];
        stage.install(&variables);
        assert!(stage.at(prefix).join("bin/vps-monitor").exists());
        assert!(stage.at(sysconfdir).join("vps-monitor/config.yaml").exists());
        let unit = fs::read_to_string(stage.at("/units & more/vps-monitor.service")).unwrap();
        let value = |key: &str| unit.lines().rev().find_map(|line| line.strip_prefix(key)).unwrap().to_owned();
        assert_eq!(value("ExecStart="), format!("{before}{program}{option} run"));
        assert_eq!(value("ExecReload="), format!("{before}{program}{option} config check --quiet --reload"));
        // It may execute itself, wherever it lies.
        assert!(value("ExecPaths=").ends_with(&format!(" {program}")), "{unit}");
        assert_eq!(stage.run("uninstall", &variables).code, 0);
        assert!(!stage.at(prefix).join("bin/vps-monitor").exists());
    }
}

#[test]
fn a_path_that_no_unit_can_hold_is_refused_before_anything_is_written() {
    let stage = Stage::new();
    for path in ["relative", "/a\nb", "/a\tb", "/a/../b", "/a/.."] {
        for variable in ["PREFIX", "SYSCONFDIR", "UNITDIR"] {
            let refused = stage.run("install", &[(variable, path)]);
            assert_eq!(refused.code, 1, "{variable}={path:?}");
            assert!(refused.stderr.contains("path"), "{refused:?}");
        }
    }
    assert!(!stage.at("/").exists());
}

#[test]
fn a_configuration_that_is_there_in_any_form_stays() {
    let stage = Stage::new();
    let config = stage.at("/etc/vps-monitor/config.yaml");
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    // On a disk that is not mounted just now.
    symlink("/mnt/not mounted/config.yaml", &config).unwrap();
    stage.install(&[]);
    assert_eq!(fs::read_link(&config).unwrap(), Path::new("/mnt/not mounted/config.yaml"));
    fs::remove_file(&config).unwrap();
    fs::write(&config, "mine").unwrap();
    stage.install(&[]);
    assert_eq!(fs::read_to_string(&config).unwrap(), "mine");
    fs::remove_file(&config).unwrap();
    fs::create_dir(&config).unwrap();
    stage.install(&[]);
    assert!(config.is_dir());

    // So does a folder that leads nowhere at the moment, with the reason.
    let stage = Stage::new();
    fs::create_dir_all(stage.at("/etc")).unwrap();
    symlink("/mnt/not mounted", stage.at("/etc/vps-monitor")).unwrap();
    let refused = stage.run("install", &[]);
    assert!(
        refused.code == 1 && refused.stderr.contains("/etc/vps-monitor is there and is not a folder"),
        "{refused:?}"
    );
    assert!(fs::symlink_metadata(stage.at("/etc/vps-monitor")).unwrap().is_symlink());
}
