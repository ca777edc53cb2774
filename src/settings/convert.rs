//! Converts a value of the file into the type that a component needs, or reports the obstacle. A character that is not
//! what it looks like comes first, since no other complaint about such a text can be understood.

use std::ops::Range;

use super::confusable::{self, Confusable};
use super::diagnostics::{Diagnostics, in_path};
use super::node::{Node, Value};
use super::problem::Complaint;
use super::scalar::Scalar;

impl Diagnostics {
    /// The converted value of a node; `None`, and an error, if it has none. `expected` is for complaints that name no
    /// right form themselves.
    pub(super) fn convert<T>(
        &mut self,
        node: &Node,
        path: &str,
        expected: &str,
        mut convert: impl FnMut(&Scalar) -> Result<T, Complaint>,
    ) -> Option<T> {
        let named = |complaint: Complaint| match complaint.expected.as_str() {
            "" => complaint.expected(expected),
            _ => complaint,
        };
        let Value::Scalar(scalar) = &*node.value else {
            let complaint = Complaint::new(format!("{} where a single value belongs", node.kind()));
            self.complain(node, path, &named(complaint));
            return None;
        };
        let complaint = match convert(scalar) {
            Ok(value) => return Some(value),
            Err(complaint) => complaint,
        };
        let corrected = Scalar { text: confusable::corrected(&scalar.text), plain: scalar.plain };
        // Punctuation is corrected first; the conversion decides about full-width digits and signs.
        let is_of_value = |found: &Confusable| found.meant.contains(|c: char| c.is_ascii_alphanumeric() || c == '%');
        // The end of a sentence, or of a list's item, does not belong to a value.
        let ends = [',', ';', '.', ' '];
        let bare = Scalar { text: corrected.text.trim_end_matches(ends).to_owned(), plain: scalar.plain };
        let is_needless = bare.text != corrected.text && convert(&bare).is_ok();
        let right = |found: &Confusable| match convert(&corrected) {
            _ if is_needless && found.meant.starts_with(&ends[..3]) => "the same without it".to_owned(),
            Err(complaint) if is_of_value(found) => named(complaint).expected,
            _ => found.expected(),
        };
        if !self.confusable(&node.span, path, right) {
            let mut complaint = named(complaint);
            if let Some(letter) = confusable::foreign_letter(&scalar.text) {
                complaint.message = format!("{} ({letter})", complaint.message);
            }
            self.complain(node, path, &complaint);
        }
        None
    }

    /// An error at the first character within `span` that is not what it looks like, with `right` in its place; `false`
    /// if there is none.
    pub(super) fn confusable(
        &mut self,
        span: &Range<usize>,
        path: &str,
        right: impl FnOnce(&Confusable) -> String,
    ) -> bool {
        let Some(found) = self.all_confusables(span).into_iter().next() else { return false };
        let expected = right(&found);
        self.error(found.bytes.clone(), &in_path(path, &found.message()), &expected);
        true
    }

    /// The same in a single value where a section or a list belongs: a colon or a bracket of another kind turns those
    /// into a text.
    pub(super) fn confusable_in_scalar(&mut self, node: &Node, path: &str) -> bool {
        matches!(&*node.value, Value::Scalar(_)) && self.confusable(&node.span, path, Confusable::expected)
    }

    /// A warning about the first such character of an accepted value that is there by an oversight.
    pub(super) fn warn_of_confusable(&mut self, node: &Node, path: &str, is_oversight: impl Fn(&Confusable) -> bool) {
        if let Some(found) = self.all_confusables(&node.span).into_iter().find(is_oversight) {
            self.warning(Some(found.bytes.clone()), &in_path(path, &found.message()));
        }
    }

    /// The characters within `span` that are not what they look like, with their bytes in the source.
    fn all_confusables(&self, span: &Range<usize>) -> Vec<Confusable> {
        let text = self.source().text().get(span.clone()).unwrap_or_default();
        let placed = |found: Confusable| Confusable {
            bytes: span.start + found.bytes.start..span.start + found.bytes.end,
            ..found
        };
        confusable::all(text).map(placed).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::{self, Complaint, NO_DOC, Section, Severity};

    fn problems(text: &str, read: impl FnOnce(&mut Section<'_>)) -> Vec<String> {
        let list = match settings::read("c", text.as_bytes(), read) {
            Ok(read) => read.warnings,
            Err(problems) => problems.list,
        };
        list.iter().map(|p| format!("{}:{} {} {} [{}]", p.line, p.column, p.severity, p.message, p.expected)).collect()
    }

    #[test]
    fn a_number_is_told_which_of_its_characters_is_none() {
        let number = |text: &str| {
            problems(text, |document| {
                document.number("n", 1.0, 0.0, 100.0, NO_DOC);
            })
        };
        assert_eq!(
            number("n: \u{200b}70\n"),
            ["1:4 error n: U+200B (zero width space) is invisible [the same without it]"]
        );
        assert_eq!(
            number("n: 70\u{a0}\n"),
            ["1:6 error n: U+00A0 (no-break space) is not a plain space [a plain space (U+0020)]"]
        );
        assert_eq!(number("n: ８0\n"), ["1:4 error n: `８` is U+FF18, which only looks like `8` [`8`]"]);
        // Another fault is reported, too.
        assert_eq!(number("n: 80％\n"), ["1:6 error n: `％` is U+FF05, which only looks like `%` [`80`]"]);
        assert_eq!(
            number("n: ８００\n"),
            ["1:4 error n: `８` is U+FF18, which only looks like `8` [a number above 0, up to 100]"]
        );
        for needless in ["80；", "80、", "80。"] {
            assert!(number(&format!("n: {needless}\n"))[0].ends_with("[the same without it]"), "{needless}");
        }
        // An escape is visible.
        assert_eq!(
            number("n: \"\\u200b70\"\n"),
            ["1:4 error n: `\\u{200b}70` is not a number [a number above 0, up to 100]"]
        );
    }

    #[test]
    fn a_refused_value_is_told_which_of_its_letters_is_of_another_alphabet() {
        let told = problems("zone: Asi\u{430}/Shanghai\nn: \u{43e}80\n", |document| {
            let nowhere = |_: &str| Err::<String, _>(Complaint::new("no such zone; did you mean `Asia/Shanghai`?"));
            document.parse("zone", NO_DOC, nowhere);
            document.number("n", 1.0, 0.0, 100.0, NO_DOC);
        });
        let letter = "`\u{430}` (U+0430) is a letter of another alphabet";
        assert_eq!(told[0], format!("1:7 error zone: no such zone; did you mean `Asia/Shanghai`? ({letter}) []"));
        assert!(told[1].contains("(`\u{43e}` (U+043E) is a letter of another alphabet)"), "{told:?}");
    }

    #[test]
    fn of_a_value_in_several_lines_the_character_is_pointed_at() {
        let told = problems("n: true\n  and\u{a0}more\n", |document| {
            document.boolean("n", false, NO_DOC);
        });
        assert!(told[0].starts_with("2:6 error n: U+00A0"), "{told:?}");
    }

    #[test]
    fn a_key_is_told_which_of_its_characters_is_none() {
        let keys = |text: &str| {
            problems(text, |document| {
                document.number("threshold", 1.0, 0.0, 100.0, NO_DOC);
            })
        };
        assert_eq!(keys("\u{200b}threshold: 70\n"), ["1:1 error U+200B (zero width space) is invisible [`threshold`]"]);
        assert_eq!(
            keys("\u{a0}\u{a0}threshold: 70\n"),
            ["1:1 error U+00A0 (no-break space) is not a plain space [`threshold`]"]
        );
        assert_eq!(keys("“threshold”: 70\n"), ["1:1 error `“` is U+201C, which only looks like `\"` [`threshold`]"]);
        assert_eq!(
            keys("thr\u{435}shold: 70\n"),
            [
                "1:1 error unknown key `thrеshold`; did you mean `threshold`? [`threshold`; `е` (U+0435) is a letter of another alphabet]"
            ]
        );
    }

    #[test]
    fn an_oversight_in_an_accepted_text_is_warned_of() {
        let texts = |text: &str| {
            problems(text, |document| {
                document.text("t", NO_DOC);
                document.parse("p", NO_DOC, |_| Ok(()));
                document.list("l", NO_DOC, |item| item.text());
            })
        };
        assert_eq!(texts("l: [\"/data\u{200b}\"]\n").len(), 1);
        assert!(texts("l: [eth0，eth1]\n")[0].starts_with("1:9 warning l[0]: `，` is U+FF0C"));
        assert!(texts("t: “web-1”\n")[0].starts_with("1:4 warning t: `“` is U+201C"));
        assert_eq!(texts("p: a\u{a0}b\n").len(), 1);
        for right in ["t: 生产　一号（备用）：⚠️\n", "l: [/数据（旧）]\n"] {
            assert_eq!(texts(right), Vec::<String>::new(), "{right}");
        }
        let read = settings::read("c", "t: web\u{200b}\n".as_bytes(), |document| document.text("t", NO_DOC)).unwrap();
        assert_eq!((read.value.as_str(), read.warnings[0].severity), ("web\u{200b}", Severity::Warning));
    }

    #[test]
    fn what_stands_where_a_section_or_a_list_belongs_is_told_of_its_colon_and_its_brackets() {
        let told = problems("a:\n  b： 80\nl: ［x, y］\nm:\n  － x\n", |document| {
            document.section("a", NO_DOC, |a| a.number("b", 1.0, 0.0, 100.0, NO_DOC));
            document.list("l", NO_DOC, |item| item.text());
            document.list("m", NO_DOC, |item| item.text());
        });
        assert_eq!(
            told,
            [
                "2:4 error a: `：` is U+FF1A, which only looks like `:` [`:` and a space after it]",
                "3:4 error l: `［` is U+FF3B, which only looks like `[` [`[`]",
                "5:3 error m: `－` is U+FF0D, which only looks like `-` [`-`]",
            ]
        );
    }
}
