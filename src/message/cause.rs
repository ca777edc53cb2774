//! The line of causes under an alert: who holds or burns its resource.

use super::format::size;
use super::{Language, Line, Words};
use crate::cause::{Amount, Holder, Share};

impl Words {
    /// `↳ mysql.service 812MB · nginx (容器) 233MB`; `None`: nobody's share explains anything.
    pub(super) fn causes(&self, shares: &[Share]) -> Option<Line> {
        let mut told = shares.iter().filter(|share| share.explains()).map(|share| self.share(share)).peekable();
        told.peek()?;
        Some(Line::from("↳ ") + Line::join(told, " · "))
    }

    fn share(&self, share: &Share) -> Line {
        let amount = match share.amount {
            Amount::Bytes(bytes) => size(bytes),
            Amount::Percent(percent) => format!("{percent:.1}%"),
        };
        let holder = match &share.holder {
            Holder::Group(name) => Line::foreign(name),
            Holder::Docker => "Docker".into(),
            Holder::Journal => self.journal().into(),
            Holder::Container(name) => Line::foreign(name) + " (" + self.a_container() + ")",
        };
        holder + " " + amount
    }

    fn journal(&self) -> &'static str {
        if self.language == Language::Chinese { "系统日志 (journal)" } else { "journal" }
    }

    fn a_container(&self) -> &'static str {
        if self.language == Language::Chinese { "容器" } else { "container" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(holder: Holder, amount: Amount) -> Share {
        Share { holder, amount }
    }

    #[test]
    fn owners_are_named_with_their_shares_in_both_languages() {
        let memory = [
            share(Holder::Group("mysql.service".into()), Amount::Bytes(812 << 20)),
            share(Holder::Container("nginx".into()), Amount::Bytes(233 << 20)),
            share(Holder::Group("user-1000".into()), Amount::Bytes(2 << 20)),
        ];
        let told = |shares: &[Share]| {
            [Language::Chinese, Language::English]
                .map(|language| language.words().causes(shares).map(|line| line.plain().to_owned()))
        };
        assert_eq!(
            told(&memory).map(Option::unwrap),
            ["↳ mysql.service 812MB · nginx (容器) 233MB", "↳ mysql.service 812MB · nginx (container) 233MB"]
        );
        let cpu = [share(Holder::Container("a\n<@all>".into()), Amount::Percent(71.25))];
        assert_eq!(told(&cpu)[1].as_deref(), Some("↳ a <@all> (container) 71.2%"));
        assert_eq!(told(&[share(Holder::Group("idle.service".into()), Amount::Percent(0.4))]), [None, None]);
        assert_eq!(told(&[]), [None, None]);
        let disk = [share(Holder::Docker, Amount::Bytes(12 << 30)), share(Holder::Journal, Amount::Bytes(3 << 29))];
        assert_eq!(
            told(&disk).map(Option::unwrap),
            ["↳ Docker 12GB · 系统日志 (journal) 1.5GB", "↳ Docker 12GB · journal 1.5GB"]
        );
    }
}
