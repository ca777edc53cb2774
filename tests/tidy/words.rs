//! Words that have one place: a collector's name is a text in `collect` alone, and a limit none that measuring knows.

use vps_monitor::collect::{SOURCES, docker};

use super::{File, fail_on, sources};

/// Files outside of `collect` that have a word which is a collector's name too, and why.
const OTHERWISE: [(&str, &str, &str); 5] = [
    ("src/metric/catalogue.rs", "name: ", "a quantity may be called what its source is called"),
    ("src/host/mod.rs", "b\"cpu\"", "a line of /proc/stat begins so"),
    ("src/host/cgroup/", "", "the kernel's controllers and their files are called so"),
    ("src/docker/event", "\"oom\"", "an engine calls an event so"),
    ("src/core/deliver.rs", "log_ongoing(\"disk\"", "the disk that the state is on"),
];

/// The lines of a file's code with their numbers, without its comments and its tests.
fn code(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let is_test = file.path.ends_with("/tests.rs") || file.path.contains("/tests/");
    let lines = file.text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let code = lines.take_while(|(_, line)| *line != "#[cfg(test)]").filter(|(_, line)| !line.starts_with("//"));
    code.filter(move |_| !is_test)
}

#[test]
fn a_collectors_name_is_a_text_in_its_own_file_alone() {
    let names = SOURCES.iter().map(|source| source.name).chain([docker::NAME]);
    // Alone, or with the rest of a subject or a key behind it: `disk(/)`, `memory.threshold`.
    let names: Vec<String> = names.flat_map(|name| ["\"", "(", "."].map(|end| format!("\"{name}{end}"))).collect();
    let mut complaints = Vec::new();
    for file in sources().iter().filter(|file| file.top() != "collect") {
        for (number, line) in code(file) {
            let is_otherwise =
                OTHERWISE.iter().any(|(path, start, _)| file.path.starts_with(path) && line.contains(start));
            if let Some(name) = names.iter().find(|name| line.contains(*name) && !is_otherwise) {
                complaints.push(format!("{}:{number}: {name} is a collector's name", file.path));
            }
        }
    }
    fail_on(&complaints);
}

/// They say their limits where they describe their quantities and read their keys: in no function that is called otherwise.
#[test]
fn no_collector_knows_a_limit_when_it_measures() {
    const LIMITS: [&str; 6] = ["threshold", "limit", "limits", "Limits", "warning", "breach"];
    /// These measure nothing.
    const KEYS: [&str; 6] = [
        "src/collect/mod.rs",
        "src/collect/source/mod.rs",
        "src/collect/source/limits.rs",
        "src/collect/disk/keys.rs",
        "src/collect/docker/config.rs",
        "src/collect/docker/own_limits.rs",
    ];
    let mut complaints = Vec::new();
    let files = sources();
    let collectors = files.iter().filter(|file| file.top() == "collect" && !KEYS.contains(&file.path.as_str()));
    for file in collectors {
        let last_line = code(file).last().map_or(0, |(number, _)| number);
        // The function that a word is in, and how deep its braces are.
        let (mut function, mut depth, mut around) = (None, 0, 0);
        for pair in file.tokens.windows(2).take_while(|pair| pair[0].line <= last_line) {
            let (word, next) = (pair[0].text.as_str(), pair[1].text.as_str());
            match (word, function) {
                ("fn", None) => (function, around) = (Some(next), depth),
                ("{", _) => depth += 1,
                ("}", _) => depth -= 1,
                (_, Some(name)) if LIMITS.contains(&word) && !name.starts_with("read") => {
                    complaints.push(format!("{}:{}: `{name}` knows a {word}", file.path, pair[0].line));
                }
                _ => {}
            }
            if word == "}" && depth == around {
                function = None;
            }
        }
    }
    fail_on(&complaints);
}

/// A limit without a name is one, too: small numbers count columns and lines, large ones are thresholds.
#[test]
fn no_collector_compares_a_reading_with_a_number() {
    const LARGEST_COUNT: u64 = 9;
    let is_large = |word: &str| word.replace('_', "").parse::<u64>().is_ok_and(|number| number > LARGEST_COUNT);
    let mut complaints = Vec::new();
    for file in sources().iter().filter(|file| file.top() == "collect") {
        let lines: Vec<(usize, &str)> =
            code(file).filter(|(_, line)| !line.starts_with("const _: () = assert!")).collect();
        let words: Vec<_> =
            file.tokens.iter().filter(|word| lines.iter().any(|(number, _)| *number == word.line)).collect();
        let word = |index: usize| words.get(index).map_or("", |word| word.text.as_str());
        for at in (1..words.len()).filter(|at| matches!(word(*at), "<" | ">")) {
            // `<<` and `>>` shift, `=>` and `->` compare nothing, and behind `<=` the number stands one further.
            let (before, behind) = (word(at - 1), if word(at + 1) == "=" { word(at + 2) } else { word(at + 1) });
            if [before, behind].contains(&word(at)) || matches!(before, "=" | "-") {
                continue;
            }
            // A float is three words: the sign may follow its last one.
            let first = if at > 2 && word(at - 2) == "." { word(at - 3) } else { before };
            if is_large(first) || is_large(behind) {
                complaints.push(format!("{}:{}: compares with {first} or {behind}", file.path, words[at].line));
            }
        }
    }
    fail_on(&complaints);
}
