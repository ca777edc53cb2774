//! Builds a tree from YAML.
//!
//! It is built from the events of serde-saphyr's parser rather than through serde, because serde drops parts that good
//! errors need: quotes, tags, and both places of a key that is written twice. The stack is a vector, so depth costs no
//! frames; depth, number of values and the size of aliases are bounded all the same.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use serde_saphyr::granit_parser::{Event, Marker, Options, Parser, ScalarStyle, Span};

use super::culprit::culprit;
use super::diagnostics::Diagnostics;
use super::node::{Entry, Node, Value};
use super::scalar::{Scalar, quoted};
use super::source::Source;
use super::syntax;

/// A configuration is four deep.
pub(super) const MAX_DEPTH: usize = 32;

/// A large configuration has a thousand values, keys among them.
const MAX_VALUES: usize = 20_000;

/// The most values that all aliases together may stand for: aliases of aliases can stand for billions.
const MAX_ALIASED_VALUES: usize = 10_000;

/// The document's tree, null for an empty file. Faults are reported; `None` after one that ends the reading.
///
/// The parser takes much of the stack, and gives it back before the tree is read.
#[inline(never)]
pub(super) fn parse(source: &Source, diagnostics: &mut Diagnostics) -> Option<Node> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(source.text(), options()) {
        match event {
            Ok((event, span)) => builder.take(event, span, diagnostics)?,
            Err(error) => {
                let at = offset(*error.marker());
                if let Some(found) = culprit(source.text(), at) {
                    diagnostics.error(found.bytes.clone(), &found.message(), &found.expected());
                } else {
                    let (message, expected) = syntax::explain(error.kind());
                    diagnostics.error(at..at, &message, expected);
                }
                return None;
            }
        }
    }
    Some(builder.root.unwrap_or_else(Node::null))
}

/// The parser's options: comments are left out, depth is bounded.
pub(super) fn options() -> Options {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    options
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    /// The value of each anchor, and its number of values.
    anchors: HashMap<usize, (Rc<Value>, usize)>,
    documents: usize,
    values: usize,
    aliased_values: usize,
}

/// A collection whose end has not come yet.
struct Open {
    start: usize,
    anchor: usize,
    /// The number of values before it.
    values_before: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Mapping {
        entries: Vec<Entry>,
        /// The first place of each key.
        seen: HashMap<String, usize>,
        /// The key whose value comes next.
        key: Option<Node>,
    },
}

impl Builder {
    /// Takes one event; `None`, and an error, if the rest of the file cannot be understood.
    fn take(&mut self, event: Event<'_>, span: Span, diagnostics: &mut Diagnostics) -> Option<()> {
        let bytes = offset(span.start)..offset(span.end);
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    diagnostics.error(bytes, "a second document begins here", "one document in the file");
                    return None;
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                refuse_tag(tag.is_some(), span, diagnostics);
                let scalar = Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                self.count(1, &bytes, diagnostics)?;
                self.close(Node { span: bytes, value: Rc::new(Value::Scalar(scalar)) }, anchor, 1, diagnostics);
            }
            Event::SequenceStart(_, anchor, tag) => {
                refuse_tag(tag.is_some(), span, diagnostics);
                self.begin(&bytes, anchor, Content::List(Vec::new()), diagnostics)?;
            }
            Event::MappingStart(_, anchor, tag) => {
                refuse_tag(tag.is_some(), span, diagnostics);
                let content = Content::Mapping { entries: Vec::new(), seen: HashMap::new(), key: None };
                self.begin(&bytes, anchor, content, diagnostics)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let open = self.open.pop()?;
                let value = match open.content {
                    Content::List(nodes) => Value::List(nodes),
                    Content::Mapping { entries, .. } => Value::Mapping(entries),
                };
                let node = Node { span: open.start..bytes.end, value: Rc::new(value) };
                self.close(node, open.anchor, self.values - open.values_before, diagnostics);
            }
            Event::Alias(anchor) => self.alias(anchor, bytes, diagnostics)?,
            _ => {}
        }
        Some(())
    }

    fn begin(
        &mut self,
        at: &Range<usize>,
        anchor: usize,
        content: Content,
        diagnostics: &mut Diagnostics,
    ) -> Option<()> {
        let values_before = self.values;
        self.count(1, at, diagnostics)?;
        self.open.push(Open { start: at.start, anchor, values_before, content });
        Some(())
    }

    /// Inserts the anchor's value. An anchor is known once its value is complete, so that nothing contains itself.
    fn alias(&mut self, anchor: usize, at: Range<usize>, diagnostics: &mut Diagnostics) -> Option<()> {
        let Some((value, values)) = self.anchors.get(&anchor) else {
            diagnostics.error(at, "an alias for what it is part of", "a value without an alias in it");
            return None;
        };
        let (value, values) = (Rc::clone(value), *values);
        self.aliased_values += values;
        if self.aliased_values > MAX_ALIASED_VALUES {
            diagnostics.error(at, "the aliases of this file stand for too many values", "values without aliases");
            return None;
        }
        self.count(values, &at, diagnostics)?;
        self.close(Node { span: at, value }, 0, values, diagnostics);
        Some(())
    }

    fn count(&mut self, values: usize, at: &Range<usize>, diagnostics: &mut Diagnostics) -> Option<()> {
        self.values += values;
        if self.values > MAX_VALUES {
            diagnostics.error(at.clone(), "the file has too many values", &format!("at most {MAX_VALUES}"));
            return None;
        }
        Some(())
    }

    /// Gives a complete node of that many values to the collection around it.
    fn close(&mut self, node: Node, anchor: usize, values: usize, diagnostics: &mut Diagnostics) {
        // The parser numbers anchors from 1; 0 is none.
        if anchor > 0 {
            self.anchors.insert(anchor, (Rc::clone(&node.value), values));
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(nodes)) => nodes.push(node),
            Some(Content::Mapping { entries, seen, key }) => match key.take() {
                None => *key = Some(node),
                Some(key) => entries.extend(entry(key, node, seen, diagnostics)),
            },
        }
    }
}

/// The entry of a key; a key's second entry is reported and left out.
fn entry(key: Node, value: Node, seen: &mut HashMap<String, usize>, diagnostics: &mut Diagnostics) -> Option<Entry> {
    let Value::Scalar(scalar) = &*key.value else {
        diagnostics.error(key.span.clone(), &format!("{} where a key belongs", key.kind()), "a name");
        return None;
    };
    // https://yaml.org/type/merge.html is no part of YAML 1.2, but a habit.
    if scalar.plain && scalar.text == "<<" {
        diagnostics.error(key.span, "merge keys are not supported", "the keys themselves");
        return None;
    }
    if let Some(first) = seen.get(&scalar.text) {
        let line = diagnostics.line_of(*first);
        diagnostics.error(
            key.span.clone(),
            &format!("{} is defined twice; the first is on line {line}", quoted(&scalar.text)),
            "each key once",
        );
        return None;
    }
    seen.insert(scalar.text.clone(), key.span.start);
    Some(Entry { key: scalar.text.clone(), key_span: key.span, value })
}

/// The parser counts bytes if it reads a text, as it does here.
pub(super) fn offset(marker: Marker) -> usize {
    marker.byte_offset().unwrap_or(0)
}

fn refuse_tag(is_tagged: bool, span: Span, diagnostics: &mut Diagnostics) {
    if is_tagged {
        let at = offset(span.tag_start.unwrap_or(span.start));
        diagnostics.error(at..at, "tags are not understood", "the value without a tag");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::settings::{self, NO_DOC, Problems};

    fn problems(text: &str) -> Vec<String> {
        let read = settings::read("c", text.as_bytes(), |document| {
            document.list("l", NO_DOC, |item| item.text());
            document.text("a", NO_DOC);
        });
        let short = |problem: &settings::Problem| format!("{}:{} {}", problem.line, problem.column, problem.message);
        read.map_or_else(|problems| problems.list.iter().map(short).collect(), |_| Vec::new())
    }

    #[test]
    fn an_alias_is_what_its_anchor_is() {
        let read = settings::read("c", b"a: &x text\nl: [*x, *x]\n", |document| {
            (document.text("a", NO_DOC), document.list("l", NO_DOC, |item| item.text()))
        });
        assert_eq!(read.unwrap().value.1, Some(vec!["text".to_owned(), "text".to_owned()]));
    }

    #[test]
    fn a_problem_of_an_alias_stands_at_the_alias() {
        assert_eq!(problems("l: &x [b]\na: *x\n"), ["2:4 a: a list where a single value belongs"]);
    }

    #[test]
    fn aliases_of_aliases_are_bounded() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let below = format!("*a{}", level - 1);
            bomb.push_str(&format!("a{level}: &a{level} [{}]\n", [below.as_str(); 10].join(", ")));
        }
        assert_eq!(problems(&bomb), ["4:45 the aliases of this file stand for too many values"]);
    }

    #[test]
    fn an_alias_within_its_own_anchor_is_refused() {
        assert_eq!(problems("l: &x [*x]\n"), ["1:8 an alias for what it is part of"]);
    }

    #[test]
    fn depth_and_number_of_values_are_bounded() {
        assert_eq!(problems(&"[".repeat(20_000)), ["1:33 nested more than 32 deep"]);
        let block: String = (0..400).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
        assert_eq!(problems(&block).len(), 1);
        assert_eq!(problems(&format!("l: [{}]", "x,".repeat(60_000))), ["1:39999 the file has too many values"]);
    }

    #[test]
    fn tags_merge_keys_and_second_documents_are_refused() {
        assert_eq!(problems("a: !!str x\nl: ! [y]\n"), ["1:4 tags are not understood", "2:4 tags are not understood"]);
        assert_eq!(problems("<<: x\n"), ["1:1 merge keys are not supported"]);
        assert_eq!(problems("a: x\n---\na: y\n"), ["2:1 a second document begins here"]);
    }

    #[test]
    fn a_key_that_is_there_twice_names_both_lines() {
        assert_eq!(problems("a: x\n\na: y\n"), ["3:1 `a` is defined twice; the first is on line 1"]);
    }

    fn assert_positions_lie_inside(text: &str, result: Result<(), Problems>) -> Result<(), TestCaseError> {
        for problem in result.err().into_iter().flat_map(|problems| problems.list) {
            let lines = text.split(['\n', '\r']).count();
            prop_assert!(problem.line <= lines, "line {} of {lines}", problem.line);
            prop_assert!(problem.column <= text.chars().count() + 1);
        }
        Ok(())
    }

    fn read_something(bytes: &[u8]) -> Result<(), Problems> {
        let read = settings::read("c", bytes, |document| {
            document.section("a", NO_DOC, |a| {
                a.boolean("b", true, NO_DOC);
                a.list("l", NO_DOC, |item| item.section(|section| Some(section.text("a", NO_DOC))));
            });
        });
        read.map(|_| ())
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            assert_positions_lie_inside(&String::from_utf8_lossy(&bytes), read_something(&bytes))?;
        }

        #[test]
        fn text_that_looks_like_yaml_never_panics(
            text in "(a|b|l|名|: |:|\n|\r\n|\r| |  |- |\\[|\\]|\\{|\\}|,|\"|'|&x |\\*x|!t |#|\\||>|\t|~|<<|---\n|\\?|%|@|\u{feff}){0,60}"
        ) {
            assert_positions_lie_inside(&text, read_something(text.as_bytes()))?;
        }
    }
}
