//! Expressions that are refused, each with its error and the characters that the error points at.

use proptest::prelude::*;
use vps_monitor::schedule::Schedule;

/// An expression, its marked characters, and the message.
const REFUSED: [[&str; 3]; 45] = [
    ["", "", "the expression is empty"],
    ["   ", "^^^", "the expression is empty"],
    ["9", "^", "there is 1 field instead of five"],
    [" 0 9 * *", " ^^^^^^^", "there are 4 fields instead of five"],
    ["0 0 9 * * *", "          ^", "there are 6 fields instead of five (no seconds, no years)"],
    ["0 0 9 * * mon 2026", "          ^^^^^^^^", "there are 7 fields instead of five (no seconds, no years)"],
    ["@reboot", "^^^^^^^", "`@reboot` is not known"],
    ["@daily 9", "^^^^^^^^", "there are 2 fields instead of five"],
    ["60 9 * * *", "^^", "minute 60 is out of range"],
    ["0 24 * * *", "  ^^", "hour 24 is out of range"],
    ["0 9 0 * *", "    ^", "day of the month 0 is out of range"],
    ["0 9 32 * *", "    ^^", "day of the month 32 is out of range"],
    ["0 9 * 0 *", "      ^", "month 0 is out of range"],
    ["0 9 * 13 *", "      ^^", "month 13 is out of range"],
    ["0 9 * * 8", "        ^", "day of the week 8 is out of range"],
    ["0 9 * * 1-8", "          ^", "day of the week 8 is out of range"],
    ["0 999999999999 * * *", "  ^^^^^^^^^^^^", "hour 999999999999 is out of range"],
    ["0 9 * * monday", "        ^^^^^^", "`monday` is not a day of the week"],
    ["mon 9 * * *", "^^^", "`mon` is not a minute"],
    ["0 9 * 1jan *", "      ^^^^", "`1jan` is not a month"],
    ["0 9 * mon *", "      ^^^", "`mon` is not a month"],
    ["+5 9 * * *", "^^", "`+5` is not a minute"],
    ["-5 9 * * *", "^^", "a minute is missing"],
    ["5- 9 * * *", "^^", "a minute is missing"],
    ["0 9-17-20 * * *", "    ^^^^^", "`17-20` is not an hour"],
    ["1,,2 9 * * *", " ^", "a minute is missing"],
    [",1 9 * * *", "^", "a minute is missing"],
    ["0 1, * * *", "   ^", "an hour is missing"],
    ["30-10 9 * * *", "^^^^^", "the range `30-10` runs backwards"],
    ["0 22-6 * * *", "  ^^^^", "the range `22-6` runs backwards"],
    ["0 9 * * fri-mon", "        ^^^^^^^", "the range `fri-mon` runs backwards"],
    ["0 9 * nov-feb *", "      ^^^^^^^", "the range `nov-feb` runs backwards"],
    ["*/0 9 * * *", "  ^", "the step is zero"],
    ["*/10000 9 * * *", "  ^^^^^", "the step 10000 is out of range"],
    [
        "5-9/1000000000000000000000000000000 9 * * *",
        "    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
        "the step 1000000000000000000000000000000 is out of range",
    ],
    ["*/ 9 * * *", "^^", "a step is missing"],
    ["*/x 9 * * *", "  ^", "`x` is not a step"],
    ["/5 9 * * *", "^^", "a minute is missing"],
    ["0 9 1,15W * *", "      ^^^", "`15W` stands in a list"],
    ["0 9 * * fri#6", "            ^", "`6` is not a week of the month"],
    ["0 9 30,31 2 *", "    ^^^^^^^", "the expression never fires: none of its months has such a day"],
    ["０ 9 * * *", "^", "`０` is U+FF10, which only looks like `0`"],
    ["0 9，18 * * *", "   ^", "`，` is U+FF0C, which only looks like `,`"],
    ["0\u{a0}9 * * *", " ^", "U+00A0 (no-break space) is not a plain space"],
    ["0 9 * * \u{200b}1", "        ^", "U+200B (zero width space) is invisible"],
];

#[test]
fn each_mistake_is_named_and_pointed_at() {
    for [expression, marked, message] in REFUSED {
        let error = Schedule::parse(expression).expect_err(expression);
        let shown = [" ".repeat(error.at.start) + &"^".repeat(error.at.len()), error.message];
        assert_eq!(shown, [marked, message], "{expression}");
        assert!(!error.expected.is_empty(), "{expression}: nothing is said of what would be right");
    }
}

#[test]
fn days_that_some_month_has_are_not_refused() {
    for expression in ["0 0 30 1,2 *", "0 0 29 2 *", "0 0 31 4,5 *", "0 0 30 2 1", "0 0 L 2 *", "0 0 31W 2 *"] {
        assert!(Schedule::parse(expression).is_ok(), "{expression}");
    }
    assert!(Schedule::parse("0 0 31 2,4,6,9,11 *").is_err());
}

proptest! {
    #[test]
    fn no_text_at_all_makes_the_parser_panic_or_point_outside_of_it(text in ".{0,60}|[0-9*,/a-zLW#?@ -]{0,40}") {
        match Schedule::parse(&text) {
            Ok(schedule) => prop_assert!(schedule.next_after(jiff::Timestamp::UNIX_EPOCH, &jiff::tz::TimeZone::UTC).is_some()),
            Err(error) => prop_assert!(error.at.start <= error.at.end && error.at.end <= text.chars().count(), "{error:?}"),
        }
    }
}
