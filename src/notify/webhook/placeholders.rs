//! Placeholders that stand for nothing: `{token}` without a token, and any where none is filled in.

use std::cell::RefCell;

use super::Body;
use super::template::{FIELDS, Field, Values};
use crate::settings::Complaint;

/// The placeholders of keys, each with its key.
pub const OF_KEYS: [(&str, Field); 2] = [("token", Field::Token), ("user", Field::User)];

/// Notes which placeholders are asked for.
#[derive(Default)]
struct Asked(RefCell<Vec<Field>>);

impl Values for Asked {
    fn text(&self, field: Field) -> String {
        self.0.borrow_mut().push(field);
        String::new()
    }

    fn number(&self, field: Field) -> i64 {
        self.0.borrow_mut().push(field);
        0
    }
}

/// Whether a message is filled into `body` with this placeholder.
pub fn uses(body: &Body, field: Field) -> bool {
    let asked = Asked::default();
    match body {
        Body::Json(body) | Body::EachAlert(body) | Body::Form(body) => drop(body.fill(&asked)),
        Body::Text(text) => drop(text.fill(&asked)),
        Body::Alertmanager | Body::Grafana => {}
    }
    asked.0.into_inner().contains(&field)
}

/// `body`, as it is `written`, has the placeholder of `key`, and there is no such key.
pub fn without_its_key(key: &str, written: &str) -> Complaint {
    let placeholder = format!("{{{key}}}");
    let at = written.find(&placeholder).map(|at| written[..at].chars().count());
    let complaint = Complaint::new(format!("{placeholder} stands for nothing: the channel has no `{key}`"));
    let complaint = complaint.expected(format!("`{key}` beside `body`, or a body without {placeholder}"));
    Complaint { at: at.map(|at| at..at + placeholder.chars().count()), ..complaint }
}

/// Refuses a placeholder in a text that is sent as it is.
///
/// # Errors
/// It has one; the rest of the text, which may be a secret, is no part of the complaint.
pub fn refuse(text: &str) -> Result<(), Complaint> {
    let placeholders = FIELDS.iter().map(|(name, _)| format!("{{{name}}}"));
    match placeholders.into_iter().find(|placeholder| text.contains(placeholder)) {
        Some(found) => Err(Complaint::new(format!("takes no placeholders, as {found}"))
            .expected("the value itself; a `body` takes them")),
        None => Ok(()),
    }
}
