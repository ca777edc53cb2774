//! Translates the YAML parser's errors for people who edit a file by hand.

use serde_saphyr::granit_parser::ErrorKind;

use super::tree::MAX_DEPTH;

/// The message, and the right form (may be empty).
pub(super) fn explain(kind: &ErrorKind) -> (String, &'static str) {
    let (message, expected) = match kind {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabInPlainScalar
        | ErrorKind::TabAtBlockScalarStart => ("a tab where YAML allows spaces alone", "spaces"),
        ErrorKind::UnclosedQuotedScalar => ("a quote is not closed", "a closing quote"),
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofImplicitFlowMapping => ("a bracket is not closed", "a closing bracket"),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => (
            "a colon that makes no sense here",
            "one `key: value` a line, indented like its neighbours; quotes around a text that holds a colon",
        ),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            ("a line without a colon", "`key: value`, with a plain colon and a space after it")
        }
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation | ErrorKind::ExpectedBlockSequenceEntry => {
            ("this does not belong to what is above it", "as many spaces before it as before its neighbours")
        }
        ErrorKind::BlockSequenceEntryNotAllowed => {
            ("a list item that makes no sense here", "the `-` on a line of its own")
        }
        ErrorKind::UnknownAnchor => {
            ("an alias whose anchor is not in the file", "quotes around a text that begins with `*`")
        }
        ErrorKind::MissingAnchorOrAliasName => {
            ("`*` and `&` at the beginning have a meaning in YAML", "quotes around the text")
        }
        ErrorKind::UnexpectedCharacter { .. } => ("a character that cannot begin a value", "quotes around the text"),
        ErrorKind::InvalidTrailingSingleQuotedScalar | ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            ("text after the closing quote", "all of the text inside the quotes")
        }
        ErrorKind::UnknownQuotedScalarEscape => {
            ("`\\` and this character mean nothing in double quotes", "`\\\\`, or single quotes")
        }
        ErrorKind::RecursionLimitExceeded => return (format!("nested more than {MAX_DEPTH} deep"), ""),
        other => return (format!("not valid YAML: {other}"), ""),
    };
    (message.to_owned(), expected)
}
