//! Picks the reason of a failure from the output of a health check, as one bounded line. Pure.
//!
//! It is in the last lines: before them come progress meters and the upper part of a Python traceback. In the traces of
//! other languages it is above them.

/// The bound of a health check's output: a line of a message.
const MAX_OUTPUT_CHARS: usize = 120;

/// A last line shorter than this gets the line before it in front, if there is room for both.
const TELLING_CHARS: usize = 40;

const _: () = assert!(TELLING_CHARS < MAX_OUTPUT_CHARS);

/// The way in which the engine's own verdict begins. Since Engine 23 the output so far stands behind it (moby,
/// daemon/health.go).
const TIMED_OUT: &str = "Health check exceeded timeout (";

/// The reason of a failure, as one line; `None` if the check printed nothing.
pub fn reason(output: &str) -> Option<String> {
    let output = without_escapes(output);
    let split = output.strip_prefix(TIMED_OUT).and_then(|rest| rest.split_once(')'));
    let mut told = match split {
        Some((time, printed)) => {
            let verdict = format!("{TIMED_OUT}{time})");
            let printed = printed.trim_start_matches(':');
            end(printed).map_or_else(|| verdict.clone(), |end| format!("{verdict}: {end}"))
        }
        None => above_trace(&output).or_else(|| end(&output))?,
    };
    if told.chars().count() > MAX_OUTPUT_CHARS {
        told = told.chars().take(MAX_OUTPUT_CHARS - 1).chain(['…']).collect();
    }
    Some(told)
}

/// The last line, with those before it as far as it is short.
fn end(output: &str) -> Option<String> {
    // A carriage return begins a line anew on a terminal.
    let mut lines = output.rsplit(['\n', '\r']).map(squeezed).filter(|line| says_something(line));
    let mut told = lines.next()?;
    for line in lines {
        let joined = format!("{line} {told}");
        if told.chars().count() >= TELLING_CHARS || joined.chars().count() > MAX_OUTPUT_CHARS {
            break;
        }
        told = joined;
    }
    Some(told)
}

/// The line above a trace of calls that ends the output: of Node.js, Java, .NET, Ruby, PHP, Go, Rust.
fn above_trace(output: &str) -> Option<String> {
    let (output, is_go) = match output.find("\ngoroutine ") {
        Some(start) => (&output[..start], true),
        None => (output, false),
    };
    let mut has_trace = is_go;
    let above = output.rsplit('\n').find(|line| {
        has_trace |= is_call(line);
        !is_call(line) && !stands_below_reason(line)
    });
    above.filter(|_| has_trace).map(squeezed)
}

/// `\tat java.net.Socket.connect(Socket.java:1)`, `    at node:net:1`, `\tfrom check.rb:1:in 'open'`.
fn is_call(line: &str) -> bool {
    let call = line.trim_start();
    let is_indented = call.len() < line.len();
    is_indented && call.starts_with("at ") && call.contains(['(', ':'])
        || is_indented && call.starts_with("from ") && call.contains(":in ")
        || ["Stack trace:", "note: run with `RUST_BACKTRACE"].iter().any(|start| line.starts_with(start))
}

/// What is in a trace beside its calls: members of an error object, PHP's numbered calls, the interpreter's last words.
fn stands_below_reason(line: &str) -> bool {
    !says_something(line)
        || line.starts_with(char::is_whitespace) && !line.trim_start().starts_with("[cause]:")
        || ["Node.js v", "exit status ", "#"].iter().any(|start| line.starts_with(start))
}

fn squeezed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a line has content: rules, dots and progress meters have none.
fn says_something(line: &str) -> bool {
    line.chars().any(char::is_alphanumeric) && !is_meter(line)
}

/// With more numbers than this and no word, a line is a row of a meter.
const MAX_NUMBERS: usize = 5;

/// curl's table with its headings, and bars that end in a percentage.
fn is_meter(line: &str) -> bool {
    let is_numbers = !line.chars().any(char::is_alphabetic);
    ["% Total", "Dload Upload"].iter().any(|heading| line.starts_with(heading))
        || line.contains("--:--:--")
        || is_numbers && (line.ends_with('%') || line.split(' ').count() > MAX_NUMBERS)
}

/// `output` without the colours and other commands to a terminal: ECMA-48's control sequences (CSI) and strings (OSC).
fn without_escapes(output: &str) -> String {
    let mut parts = output.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_end: fn(char) -> bool = match part.chars().next() {
            Some('[') => |c| matches!(c, '@'..='Z' | '\\'..='~'),
            Some(']') => |c| c == '\u{7}',
            _ => |c| !matches!(c, ' '..='/'),
        };
        plain.push_str(part.split_once(is_end).map_or("", |(_, rest)| rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_end_of_an_output_is_told_and_not_curls_progress_meter() {
        let curl = "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n\
                    \x20                                Dload  Upload   Total   Spent    Left  Speed\n\
                    \r  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0\
                    \r  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0\n\
                    curl: (22) The requested URL returned error: 503\n";
        assert_eq!(reason(curl).unwrap(), "curl: (22) The requested URL returned error: 503");
        let short =
            curl.replace("curl: (22) The requested URL returned error: 503", "curl: (52) Empty reply from server");
        assert_eq!(reason(&short).unwrap(), "curl: (52) Empty reply from server");
        assert_eq!(reason(&curl[..curl.find("curl:").unwrap()]), None);
        let traceback = "Traceback (most recent call last):\n  File \"/check.py\", line 3, in <module>\n    ask()\n\
                         ConnectionRefusedError: [Errno 111] Connection refused\n\n";
        assert_eq!(reason(traceback).unwrap(), "ConnectionRefusedError: [Errno 111] Connection refused");
    }

    #[test]
    fn a_short_last_line_has_the_one_before_it_in_front() {
        assert_eq!(reason("asking db\n a\r\n\tb  c\n ...\n").unwrap(), "asking db a b c");
        assert_eq!(reason("no answer\n").unwrap(), "no answer");
        assert_eq!(reason(" \n...\n"), None);
        assert_eq!(reason(&"é".repeat(MAX_OUTPUT_CHARS)).unwrap(), "é".repeat(MAX_OUTPUT_CHARS));
        assert_eq!(reason(&"é".repeat(9999)).unwrap(), "é".repeat(MAX_OUTPUT_CHARS - 1) + "…");
        let long = format!("{}\nfailed", "x".repeat(115));
        assert_eq!(reason(&long).unwrap(), "failed");
    }

    #[test]
    fn a_code_alone_is_told_and_neither_colours_nor_bars_are() {
        for (output, told) in [
            ("503", Some("503")),
            ("HTTP status:\n503\n\n", Some("HTTP status: 503")),
            ("\u{1b}[1;31mERROR\u{1b}[0m db: \u{1b}[33mdown\u{1b}[K\u{1b}[m\r\n", Some("ERROR db: down")),
            ("\u{1b}]0;title\u{7}\u{1b}(Bno answer\u{1b}7", Some("no answer")),
            ("10%\r50%\r######   100.0%\nrefused", Some("refused")),
            ("数据库连接失败\n", Some("数据库连接失败")),
            ("\u{1b}[31m\u{1b}[0m\n----\n", None),
        ] {
            assert_eq!(reason(output).as_deref(), told, "{output:?}");
        }
    }

    #[test]
    fn the_reason_is_above_a_trace_of_calls() {
        for (output, told) in [
            (
                "node:internal/process/promises:288\n            triggerUncaughtException(err, true);\n            ^\n\n\
                 Error: connect ECONNREFUSED ::1:3000\n    at TCPConnectWrap.afterConnect (node:net:1300:16) {\n  \
                 errno: -111,\n  port: 3000\n}\n\nNode.js v20.9.0\n",
                "Error: connect ECONNREFUSED ::1:3000",
            ),
            (
                "TypeError: fetch failed\n    at node:internal/deps/undici/undici:12345:11\n    at async main {\n  \
                 [cause]: Error: connect ECONNREFUSED ::1:3000\n      at TCPConnectWrap.x (node:net:1:1) {\n    \
                 errno: -111\n  }\n}\n",
                "[cause]: Error: connect ECONNREFUSED ::1:3000",
            ),
            (
                "Exception in thread \"main\" java.lang.IllegalStateException: no pool\n\tat app.Check.main(Check.java:12)\n\
                 Caused by: java.net.ConnectException: Connection refused\n\tat java.base/sun.nio.ch.Net.pollConnect(Native \
                 Method)\n\t... 3 more\n",
                "Caused by: java.net.ConnectException: Connection refused",
            ),
            (
                "Unhandled exception. HttpRequestException: Connection refused (localhost:80)\r\n ---> SocketException \
                 (111): Connection refused\r\n   at System.Net.Sockets.Socket.Connect()\r\n   --- End of inner exception \
                 stack trace ---\r\n   at Program.Main() in /app/Program.cs:line 3\r\n",
                "Unhandled exception. HttpRequestException: Connection refused (localhost:80)",
            ),
            (
                "check.rb:3:in `initialize': Connection refused (Errno::ECONNREFUSED)\n\tfrom check.rb:3:in `open'\n\tfrom \
                 check.rb:3:in `<main>'\n",
                "check.rb:3:in `initialize': Connection refused (Errno::ECONNREFUSED)",
            ),
            (
                "PHP Fatal error:  Uncaught PDOException: [2002] Connection refused in /hc.php:3\nStack trace:\n#0 \
                 /hc.php(3): PDO->__construct()\n#1 {main}\n  thrown in /hc.php on line 3\n",
                "PHP Fatal error: Uncaught PDOException: [2002] Connection refused in /hc.php:3",
            ),
            (
                "panic: dial tcp [::1]:80: connection refused\n\ngoroutine 1 [running]:\nmain.main()\n\t/hc.go:9 +0x1d\n\
                 exit status 2\n",
                "panic: dial tcp [::1]:80: connection refused",
            ),
            (
                "thread 'main' panicked at src/main.rs:2:5:\nconnection refused\nnote: run with `RUST_BACKTRACE=1` \
                 environment variable to display a backtrace\n",
                "connection refused",
            ),
            // A trace that was a warning does not end the output.
            (
                "retry\n    at main (hc.js:1)\ncurl: (22) The requested URL returned error: 503\n",
                "curl: (22) The requested URL returned error: 503",
            ),
            // Of a trace alone nothing is above it.
            ("    at main (hc.js:1)\n", "at main (hc.js:1)"),
            ("syntax error\nat line 3\n", "syntax error at line 3"),
        ] {
            assert_eq!(reason(output).as_deref(), Some(told), "{output}");
        }
    }

    #[test]
    fn that_the_check_took_too_long_is_told_before_what_it_printed() {
        let timed_out = "Health check exceeded timeout (2s)";
        assert_eq!(reason(timed_out).unwrap(), timed_out);
        let meter =
            "  % Total    % Received\n  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0";
        assert_eq!(reason(&format!("{timed_out}: {meter}")).unwrap(), timed_out);
        let told =
            reason(&format!("{timed_out}: asking db\nasking the cache of the second shop and its mirror\n")).unwrap();
        assert_eq!(told, format!("{timed_out}: asking the cache of the second shop and its mirror"));
    }

    proptest! {
        #[test]
        fn any_output_is_one_bounded_line(output in "[\\PC\\n\\r\\t]{0,400}") {
            if let Some(line) = reason(&output) {
                prop_assert!(!line.is_empty() && line.chars().count() <= MAX_OUTPUT_CHARS && !line.contains('\n'));
            }
        }
    }
}
