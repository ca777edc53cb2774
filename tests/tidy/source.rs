//! Reads Rust source as far as a path goes: which modules of this crate a file names, and in which line.
//!
//! No parser is needed for that. Comments, texts and lifetimes are dropped; words and signs are left, in which a path
//! to this crate begins with `crate`, `super` or `self`, wherever it stands and however deep its braces nest.

use std::iter::Peekable;
use std::str::Chars;

/// A word, a `::`, or any other sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// A path that a file names, from the crate's root: `crate::http::{self, Error}` gives `http` and `http::Error`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub segments: Vec<String>,
    pub line: usize,
}

/// All words and signs of a source, without its comments and texts.
pub fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut chars = source.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => line += 1,
            '/' if chars.peek() == Some(&'/') => while chars.next_if(|c| *c != '\n').is_some() {},
            '/' if chars.peek() == Some(&'*') => line += skip_comment(&mut chars),
            '"' => line += skip_text(&mut chars),
            '\'' => skip_character_or_lifetime(&mut chars),
            c if c.is_alphanumeric() || c == '_' => {
                let mut text = String::from(c);
                while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || *c == '_') {
                    text.push(c);
                }
                if matches!(text.as_str(), "r" | "br") && matches!(chars.peek(), Some('"' | '#')) {
                    line += skip_raw_text(&mut chars);
                } else {
                    tokens.push(Token { text, line });
                }
            }
            ':' if chars.next_if_eq(&':').is_some() => tokens.push(Token { text: "::".to_owned(), line }),
            c if c.is_whitespace() => {}
            c => tokens.push(Token { text: c.to_string(), line }),
        }
    }
    tokens
}

/// How many lines were skipped; so too below. Comments nest.
fn skip_comment(chars: &mut Peekable<Chars>) -> usize {
    let (mut depth, mut lines, mut last) = (0, 0, '/');
    for c in chars.by_ref() {
        lines += usize::from(c == '\n');
        match (last, c) {
            ('/', '*') => (depth, last) = (depth + 1, ' '),
            ('*', '/') => (depth, last) = (depth - 1, ' '),
            _ => last = c,
        }
        if depth == 0 {
            break;
        }
    }
    lines
}

fn skip_text(chars: &mut Peekable<Chars>) -> usize {
    let mut lines = 0;
    while let Some(c) = chars.next() {
        let escaped = if c == '\\' { chars.next() } else { None };
        lines += usize::from(c == '\n' || escaped == Some('\n'));
        if c == '"' {
            break;
        }
    }
    lines
}

fn skip_raw_text(chars: &mut Peekable<Chars>) -> usize {
    let mut end = String::from("\"");
    while chars.next_if_eq(&'#').is_some() {
        end.push('#');
    }
    if chars.next_if_eq(&'"').is_none() {
        return 0; // A raw word, `r#type`.
    }
    let mut text = String::new();
    while !text.ends_with(&end)
        && let Some(c) = chars.next()
    {
        text.push(c);
    }
    text.matches('\n').count()
}

fn skip_character_or_lifetime(chars: &mut Peekable<Chars>) {
    if chars.next_if_eq(&'\\').is_some() {
        chars.next();
        while chars.next().is_some_and(|c| c != '\'') {}
    } else if chars.next().is_some() {
        // 'a' is a character; 'a, 'a> and 'a: are lifetimes, whose other letters are harmless words.
        chars.next_if_eq(&'\'');
    }
}

/// Every path into this crate that the file of `module` names.
pub fn paths(tokens: &[Token], module: &[String]) -> Vec<Named> {
    let mut found = Vec::new();
    let mut module = module.to_vec();
    let mut inline_modules: Vec<usize> = Vec::new();
    let mut depth = 0;
    let word = |index: usize| tokens.get(index).map_or("", |token| token.text.as_str());
    let mut at = 0;
    while at < tokens.len() {
        match word(at) {
            "{" => depth += 1,
            "}" => {
                if inline_modules.pop_if(|opened| *opened == depth).is_some() {
                    module.pop();
                }
                depth -= 1;
            }
            "mod" if word(at + 2) == "{" => {
                module.push(word(at + 1).to_owned());
                depth += 1;
                inline_modules.push(depth);
                at += 2;
            }
            "crate" | "super" | "self" if word(at + 1) == "::" && (at == 0 || word(at - 1) != "::") => {
                let prefix = if word(at) == "crate" { Vec::new() } else { module.clone() };
                at = tree(tokens, at, &prefix, &mut found);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Follows a path from `at`, into its braces too; returns where it ends.
fn tree(tokens: &[Token], mut at: usize, prefix: &[String], found: &mut Vec<Named>) -> usize {
    let mut segments = prefix.to_vec();
    let line = tokens[at].line;
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "crate" | "self" => {}
            "super" => {
                segments.pop();
            }
            "{" => return group(tokens, at + 1, &segments, found),
            "*" => {
                at += 1;
                break;
            }
            text if text.starts_with(|c: char| c.is_alphabetic() || c == '_') => segments.push(text.to_owned()),
            _ => break,
        }
        at += 1;
        if tokens.get(at).is_none_or(|next| next.text != "::") {
            break;
        }
        at += 1;
    }
    found.push(Named { segments, line });
    at
}

fn group(tokens: &[Token], mut at: usize, prefix: &[String], found: &mut Vec<Named>) -> usize {
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "}" => return at + 1,
            "," => at += 1,
            "as" => at += 2,
            _ => {
                let end = tree(tokens, at, prefix, found);
                at = end.max(at + 1);
            }
        }
    }
    at
}

#[test]
fn paths_are_found_wherever_they_stand() {
    let source = r##"
        use crate::{a::{self, b::C as D}, e::*}; // crate::comment
        pub(crate) fn f<'a>(x: &'a super::g::H) -> crate::i::J<'a> { let _ = ("crate::text", r#"crate::raw"#, '"'); }
        mod tests { use super::*; use super::super::k::L; }
        type M = self::n::O;
    "##;
    let here = ["top".to_owned(), "inner".to_owned()];
    let found: Vec<(String, usize)> =
        paths(&tokens(source), &here).into_iter().map(|named| (named.segments.join("::"), named.line)).collect();
    let expected = [
        ("a", 2),
        ("a::b::C", 2),
        ("e", 2),
        ("top::g::H", 3),
        ("i::J", 3),
        ("top::inner", 4),
        ("top::k::L", 4),
        ("top::inner::n::O", 5),
    ];
    assert_eq!(found, expected.map(|(path, line)| (path.to_owned(), line)));
}
