//! Holds the house in order: which module may know which, and the things that no module does.
//!
//! The rules are not written here: ARCHITECTURE.md has them, in the tables under "Layers" and "Fences", which are read
//! from there, so that people read the enforced rules. The documents' claims about commands, keys and exit codes are
//! compared with the code in [`documents`].

mod commands;
mod documents;
mod english;
mod linking;
mod source;
mod vendors;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use source::{Named, Token, paths, tokens};

const MAX_FILE_LINES: usize = 400;
const MAX_MAIN_LINES: usize = 25;

/// A file under src/, and the module that it is.
struct File {
    /// From the repository's root.
    path: String,
    /// `src/collect/docker/mod.rs` is `collect::docker`; lib.rs and main.rs are the root, which has no name.
    module: Vec<String>,
    text: String,
    tokens: Vec<Token>,
}

impl File {
    fn named(&self) -> Vec<Named> {
        paths(&self.tokens, &self.module)
    }

    fn top(&self) -> &str {
        self.module.first().map_or("", String::as_str)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn sources() -> Vec<File> {
    let mut files = Vec::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(file(&path));
            }
        }
    }
    assert!(files.len() > 50, "found {} files only", files.len());
    files
}

fn file(path: &Path) -> File {
    let below: PathBuf = path.strip_prefix(root().join("src")).unwrap().with_extension("");
    let mut module: Vec<String> = below.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    module.pop_if(|last| matches!(last.as_str(), "mod" | "lib" | "main"));
    let text = fs::read_to_string(path).unwrap();
    let tokens = tokens(&text);
    File { path: path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned(), module, text, tokens }
}

/// The rows of the table under a heading of a document, each as its cells.
fn table(document: &str, heading: &str) -> Vec<Vec<String>> {
    let text = read(document);
    let start = text.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("{document} has no \"{heading}\""));
    let section = &text[start + 1 + heading.len()..];
    let rows = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    // `\|` is a bar inside of a cell.
    let cells = |row: &str| {
        let row = row.replace("\\|", "\u{0}");
        row.trim_matches('|').split('|').map(|cell| cell.replace('\u{0}', "|").trim().to_owned()).collect()
    };
    rows.skip(2).map(cells).collect()
}

/// The texts between backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// A row of ARCHITECTURE's table of layers.
struct Place {
    layer: u8,
    /// Modules of the same layer that it may know.
    beside: BTreeSet<String>,
}

fn layers() -> BTreeMap<String, Place> {
    let mut places = BTreeMap::new();
    for row in table("ARCHITECTURE.md", "## Layers") {
        let [layer, module, _, _, beside] = row.as_slice() else { panic!("a row of five cells, not {row:?}") };
        let module = quoted(module).remove(0);
        let place = Place { layer: layer.parse().unwrap(), beside: quoted(beside).into_iter().collect() };
        assert!(places.insert(module.clone(), place).is_none(), "{module} has two rows in ARCHITECTURE.md");
    }
    places
}

fn fail_on(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn imports_run_downward_only() {
    let layers = layers();
    let mut complaints = Vec::new();
    for file in sources().iter().filter(|file| !file.module.is_empty()) {
        let from = file.top();
        for named in file.named() {
            let Some(to) = named.segments.first().filter(|to| *to != from) else { continue };
            let (Some(here), Some(there)) = (layers.get(from), layers.get(to)) else {
                complaints.push(format!("{}:{}: `{from}` or `{to}` has no layer", file.path, named.line));
                continue;
            };
            let (here_layer, there_layer) = (here.layer, there.layer);
            if there_layer > here_layer || (there_layer == here_layer && !here.beside.contains(to)) {
                complaints.push(format!(
                    "{}:{}: `{from}` (layer {here_layer}) must not know `{to}` (layer {there_layer})",
                    file.path, named.line
                ));
            }
        }
    }
    fail_on(&complaints);
}

#[test]
fn modules_of_one_layer_do_not_know_each_other_in_a_circle() {
    let layers = layers();
    for start in layers.keys() {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&String> = layers[start].beside.iter().collect();
        while let Some(module) = open.pop() {
            assert_ne!(module, start, "`{start}` knows itself by way of others");
            assert_eq!(layers[module].layer, layers[start].layer, "`{start}` and `{module}` are not in one layer");
            if reached.insert(module) {
                open.extend(&layers[module].beside);
            }
        }
    }
}

#[test]
fn no_module_knows_what_is_fenced_off_from_it() {
    let files = sources();
    let mut complaints = Vec::new();
    for row in table("ARCHITECTURE.md", "## Fences") {
        let [module, never, _] = row.as_slice() else { panic!("a row of three cells, not {row:?}") };
        let inside = quoted(module).remove(0);
        let inside: Vec<&str> = inside.split("::").collect();
        let within = |path: &[String], outer: &[&str]| outer.iter().eq(path.iter().take(outer.len()));
        let fenced: Vec<&File> = files.iter().filter(|file| within(&file.module, &inside)).collect();
        assert!(!fenced.is_empty(), "ARCHITECTURE.md fences {module}, which is not there");
        for never in quoted(never) {
            let never: Vec<&str> = never.split("::").collect();
            for file in &fenced {
                for named in file.named().iter().filter(|named| within(&named.segments, &never)) {
                    let (module, never) = (inside.join("::"), never.join("::"));
                    complaints.push(format!("{}:{}: `{module}` must not know `{never}`", file.path, named.line));
                }
            }
        }
    }
    fail_on(&complaints);
}

/// Collectors among each other, channels among each other.
#[test]
fn siblings_do_not_know_each_other() {
    let files = sources();
    let mut complaints = Vec::new();
    for (family, shared) in [
        ("collect", &["parse", "restarts"][..]),
        ("notify", &["address", "answer", "robot", "split", "vendor", "verdict"]),
    ] {
        let members: BTreeSet<&String> =
            files.iter().filter(|file| file.top() == family).filter_map(|file| file.module.get(1)).collect();
        for file in files.iter().filter(|file| file.top() == family) {
            let Some(member) = file.module.get(1) else { continue };
            for named in file.named() {
                let sibling = match named.segments.as_slice() {
                    // The whole family as one name, from which every sibling can be reached.
                    [only] if only == family => true,
                    [first, second, ..] if first == family => {
                        second != member && members.contains(second) && !shared.contains(&second.as_str())
                    }
                    _ => false,
                };
                if sibling {
                    let sibling = named.segments.join("::");
                    complaints.push(format!("{}:{}: `{member}` must not know `{sibling}`", file.path, named.line));
                }
            }
        }
    }
    fail_on(&complaints);
}

/// The lines of a file that have a sequence of words and signs.
fn lines_with(file: &File, sequence: &[&str]) -> Vec<usize> {
    let windows = file.tokens.windows(sequence.len());
    let hits = windows.filter(|window| window.iter().map(|token| &token.text).eq(sequence.iter()));
    hits.map(|window| window[0].line).collect()
}

#[test]
fn there_is_one_thread_and_no_runtime_and_nothing_unsafe() {
    let never: [&[&str]; 6] = [
        &["unsafe"],
        &["async"],
        &["await"],
        &["thread", "::", "spawn"],
        &["thread", "::", "scope"],
        &["thread", "::", "Builder"],
    ];
    let mut complaints = Vec::new();
    for file in &sources() {
        for sequence in never {
            for line in lines_with(file, sequence) {
                complaints.push(format!("{}:{line}: `{}` has no place here", file.path, sequence.concat()));
            }
        }
    }
    fail_on(&complaints);
    let lock = read("Cargo.lock");
    for runtime in ["tokio", "async-std", "smol", "mio", "futures-executor"] {
        assert!(!lock.contains(&format!("name = \"{runtime}\"\n")), "Cargo.lock has {runtime}");
    }
}

#[test]
fn one_module_reads_clocks() {
    let readings: [&[&str]; 5] = [
        &["Instant", "::", "now"],
        &["SystemTime", "::", "now"],
        &["Timestamp", "::", "now"],
        &["Zoned", "::", "now"],
        &["clock_gettime"],
    ];
    let mut complaints = Vec::new();
    for file in sources().iter().filter(|file| file.path != "src/clock.rs") {
        for reading in readings {
            for line in lines_with(file, reading) {
                complaints.push(format!("{}:{line}: only src/clock.rs reads clocks", file.path));
            }
        }
    }
    fail_on(&complaints);
}

#[test]
fn files_are_short_and_open_with_what_they_are_for() {
    let mut complaints = Vec::new();
    for file in &sources() {
        let lines = file.text.lines().count();
        let limit = if file.path == "src/main.rs" { MAX_MAIN_LINES } else { MAX_FILE_LINES };
        if lines > limit {
            complaints.push(format!("{}: {lines} lines are more than {limit}", file.path));
        }
        if !file.text.starts_with("//! ") {
            complaints.push(format!("{}:1: does not open with what it is for", file.path));
        }
    }
    fail_on(&complaints);
}
