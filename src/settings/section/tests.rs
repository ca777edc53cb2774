//! A section's handling of right and wrong values.

use super::*;
use crate::settings::{self, NO_DOC};

/// The value and the problems' texts, without their lines.
fn read<T>(text: &str, read: impl FnOnce(&mut Section<'_>) -> T) -> Result<T, Vec<String>> {
    settings::read("c", text.as_bytes(), read).map(|read| read.value).map_err(|problems| {
        let line = |p: &settings::Problem| format!("{}:{} {} [{}]", p.line, p.column, p.message, p.expected);
        problems.list.iter().map(line).collect()
    })
}

#[test]
fn what_is_absent_or_null_has_its_default() {
    for text in ["", "# nothing\n", "~", "a:\n", "a: {n: ~, s: null, l:}\n", "---\n...\n"] {
        let value = read(text, |document| {
            document.section("a", NO_DOC, |a| {
                (
                    a.integer("n", 7, 0..=9, NO_DOC),
                    a.text("s", NO_DOC),
                    a.list("l", NO_DOC, |item| item.text()),
                    a.is_written("n"),
                )
            })
        });
        assert_eq!(value, Ok((7, String::new(), None, false)), "{text}");
    }
}

#[test]
fn every_problem_is_told_in_the_order_of_the_file() {
    let problems = read("b: on\na: {n: 10, m: x}\nc: 1\n", |document| {
        document.section("a", NO_DOC, |a| (a.integer("n", 7, 0..=9, NO_DOC), a.number("m", 0.5, 0.0, 1.0, NO_DOC)));
        document.boolean("b", false, NO_DOC)
    });
    assert_eq!(
        problems.unwrap_err(),
        [
            "1:4 b: `on` is not true or false [true]",
            "2:8 a.n: 10 is out of range [a whole number from 0 to 9]",
            "2:15 a.m: `x` is not a number [a number above 0, up to 1]",
            "3:1 unknown key `c` [a, b]",
        ]
    );
}

#[test]
fn a_misspelt_key_is_told_which_one_was_meant() {
    let problems = read("enabeld: true\n", |document| document.boolean("enabled", false, NO_DOC));
    assert_eq!(problems.unwrap_err(), ["1:1 unknown key `enabeld`; did you mean `enabled`? []"]);
}

#[test]
fn a_wrong_kind_of_value_is_named() {
    let problems = read("a: [1]\nb: {c: 1}\nl: x\n", |document| {
        document.section("a", NO_DOC, |_| ());
        document.text("b", NO_DOC);
        document.list("l", NO_DOC, |item| item.text())
    });
    assert_eq!(
        problems.unwrap_err(),
        [
            "1:4 a: a list where a section belongs [keys, each with a colon and a value]",
            "2:4 b: a section where a single value belongs []",
            "3:4 l: a single value where a list belongs [a list, such as [a, b] or a line `- a` for each]",
        ]
    );
}

#[test]
fn the_length_of_a_list_is_bounded() {
    let problems =
        read(&format!("l: [{}]\n", "x,".repeat(1001)), |document| document.list("l", NO_DOC, |item| item.text()));
    assert_eq!(problems.unwrap_err(), ["1:4 l: a list of 1001 items [at most 1000]"]);
}

#[test]
fn a_part_of_a_text_is_pointed_at_where_it_stands_as_it_is() {
    let at = |text: &str| {
        read(text, |document| document.parse::<()>("cron", NO_DOC, |_| Err(Complaint::new("bad").at(2..4))))
    };
    assert_eq!(at("cron: 0 99 * * *\n").unwrap_err(), ["1:9 cron: bad []"]);
    assert_eq!(at("cron: \"0 99 * * *\"\n").unwrap_err(), ["1:10 cron: bad []"]);
    assert_eq!(at("cron: \"0\\x2099 * * *\"\n").unwrap_err(), ["1:7 cron: bad []"]);
}

#[test]
fn a_choice_takes_plain_words_in_any_case() {
    let read = |text| {
        read(text, |d| {
            d.choice("enabled", None, &[("auto", None), ("true", Some(true)), ("false", Some(false))], NO_DOC)
        })
    };
    assert_eq!(read("enabled: TRUE\n"), Ok(Some(true)));
    assert_eq!(read("enabled: Auto\n"), Ok(None));
    assert_eq!(read("enabled: 2\n").unwrap_err(), ["1:10 enabled: `2` is none of the values [auto, true, false]"]);
}

#[test]
fn a_complaint_without_its_key_stands_at_the_section() {
    let problems = read("x: 1\na:\n  b: 1\n", |document| {
        document.integer("x", 0, 0..=9, NO_DOC);
        document.section("a", NO_DOC, |a| {
            a.integer("b", 0, 0..=9, NO_DOC);
            a.problem("c", Complaint::new("is missing"));
        });
    });
    assert_eq!(problems.unwrap_err(), ["2:1 a.c: is missing []"]);
}

#[test]
fn what_is_no_section_is_not_said_to_lack_a_key() {
    let problems =
        read("a: [b]\n", |document| document.section("a", NO_DOC, |a| a.problem("c", Complaint::new("is missing"))));
    assert_eq!(problems.unwrap_err().len(), 1);
}

#[test]
fn a_percentage_below_one_is_warned_of() {
    let warnings = |text: &str| {
        let read = settings::read("c", text.as_bytes(), |document| document.percent("p", 80.0, NO_DOC)).unwrap();
        read.warnings.iter().map(|warning| warning.message.clone()).collect::<Vec<_>>()
    };
    assert_eq!(warnings("p: 0.8\n"), ["p: 0.8 is less than one percent; if 80 percent is meant, write 80"]);
    assert_eq!(warnings("p: 0.07\n"), ["p: 0.07 is less than one percent; if 7 percent is meant, write 7"]);
    assert_eq!((warnings("p: 1\n"), warnings("")), (Vec::new(), Vec::new()));
}

#[test]
fn warnings_come_with_the_value() {
    let read = settings::read("c", b"a: 1\n", |document| {
        document.warning("a", "is odd");
        document.integer("a", 0, 0..=9, NO_DOC)
    });
    let read = read.unwrap();
    assert_eq!(read.value, 1);
    assert_eq!(read.warnings[0].to_string(), "c:1:4: warning: a: is odd\n  | a: 1\n  |    ^");
}

#[test]
fn a_section_can_look_at_a_list_beside_it() {
    let beside = |text: &str| {
        let read = |document: &mut Section<'_>| {
            document.section("network", NO_DOC, |network| {
                let texts = |item: &mut Item<'_>| item.text();
                network.section("traffic", NO_DOC, |traffic| traffic.list("interfaces", NO_DOC, texts));
                network.section("quota", NO_DOC, |quota| {
                    quota.boolean("on", true, NO_DOC);
                    quota.list_beside("traffic", "interfaces")
                })
            })
        };
        settings::read("c", text.as_bytes(), read).unwrap().value
    };
    assert_eq!(beside("network: {traffic: {interfaces: [ens3, 4]}, quota: {on: true}}"), ["ens3", "4"]);
    for text in ["", "network: {traffic: {}, quota: {on: true}}", "network: {quota: {on: true}}"] {
        assert_eq!(beside(text), [""; 0], "{text}");
    }
}

#[test]
fn one_number_is_as_good_as_a_list_of_them() {
    let read = |text: &str| {
        let read = |document: &mut Section<'_>| document.numbers("at", &[80.0, 90.0], 0.0, 1000.0, NO_DOC);
        settings::read("c", text.as_bytes(), read).map(|read| read.value).map_err(|problems| problems.list.len())
    };
    assert_eq!(read(""), Ok(vec![80.0, 90.0]));
    assert_eq!(read("at: 75\n"), Ok(vec![75.0]));
    assert_eq!(read("at: [50, 99.5]\n"), Ok(vec![50.0, 99.5]));
    for (text, problems) in [("at: []\n", 1), ("at: [0, 1001, x]\n", 3), ("at: -5\n", 1), ("at: {a: 1}\n", 1)] {
        assert_eq!(read(text), Err(problems), "{text}");
    }
}
