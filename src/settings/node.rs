//! The tree of a configuration file: values with their positions.

use std::ops::Range;
use std::rc::Rc;

use super::scalar::Scalar;

/// A value and its bytes in the source; an alias has its own place, its parts have the anchor's.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) value: Rc<Value>,
}

#[derive(Debug)]
pub(super) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Mapping(Vec<Entry>),
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Range<usize>,
    pub(super) value: Node,
}

impl Node {
    /// The value of an empty document.
    pub(super) fn null() -> Node {
        Node { span: 0..0, value: Rc::new(Value::Scalar(Scalar { text: String::new(), plain: true })) }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(&*self.value, Value::Scalar(scalar) if scalar.is_null())
    }

    /// Whether it holds no value at all.
    pub(super) fn says_nothing(&self) -> bool {
        match &*self.value {
            Value::Scalar(scalar) => scalar.is_null(),
            Value::List(nodes) => nodes.iter().all(Node::says_nothing),
            Value::Mapping(entries) => entries.iter().all(|entry| entry.value.says_nothing()),
        }
    }

    /// Its kind, for a message.
    pub(super) fn kind(&self) -> &'static str {
        match &*self.value {
            Value::Scalar(_) if self.is_null() => "nothing",
            Value::Scalar(_) => "a single value",
            Value::List(_) => "a list",
            Value::Mapping(_) => "a section",
        }
    }
}
