//! A robot's `markdown` has mentions, links, colours, bold and code (the vendor's page, document path 99110), and no
//! way to escape a character. So foreign text has the full-width twins of characters with a meaning.

use crate::message::Escape;
use crate::notify::full_width;

pub const ESCAPE: Escape = Escape { own, foreign };

/// Characters that the robot refuses (errcode 40033) are left out.
fn own(c: char, into: &mut String) {
    if c == '\n' || !c.is_control() {
        into.push(c);
    }
}

fn foreign(c: char, into: &mut String) {
    own(full_width(c), into);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Line;

    #[test]
    fn a_name_can_change_neither_layout_nor_mentions() {
        let written = |line: Line| line.escaped(&ESCAPE);
        assert_eq!(written(Line::foreign("app_web-1.2")), "app_web-1.2");
        assert_eq!(written(Line::foreign("<@all> *x* [a](b) `c`\n")), "＜@all＞ ＊x＊ ［a］(b) ｀c｀ ");
        assert_eq!(written(Line::foreign("⚠️ 香港-1 (备用)")), "⚠️ 香港-1 (备用)");
        assert_eq!(
            written(Line::from("see `vps-monitor status` [") + Line::foreign("[]") + "]"),
            "see `vps-monitor status` [［］]"
        );
    }
}
