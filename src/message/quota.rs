//! How the use of a monthly quota is told: the used part, and the expected end.

use super::format::volume;
use super::{Language, Words};
use crate::snapshot::{Direction, Quota};

impl Words {
    /// `出站约 812.4GB / 1TB`. About: a provider may count headers, too.
    pub(super) fn quota_used(&self, quota: &Quota) -> String {
        let [used, limit] = [quota.used_bytes, quota.limit_bytes].map(|bytes| volume(bytes, quota.is_binary));
        let direction = self.direction(quota.count);
        match self.language {
            Language::Chinese => format!("{direction}约 {used} / {limit}"),
            Language::English => format!("{direction}, about {used} of {limit}"),
        }
    }

    /// `今日 12.3GB，9 天 3 小时后重置，按近 7 天的速度 11-28 用完，入站 33.1GB 不计`
    pub(super) fn quota_details(&self, quota: &Quota) -> String {
        let shown = |bytes| volume(bytes, quota.is_binary);
        let (today, left) = (shown(quota.today_bytes), self.duration(quota.seconds_left));
        let free = match quota.count {
            Direction::Out => Some((self.direction(Direction::In), quota.received_bytes)),
            Direction::In => Some((self.direction(Direction::Out), quota.sent_bytes)),
            Direction::Both | Direction::Max => None,
        };
        let free = free.map(|(direction, bytes)| (direction, shown(bytes)));
        let runs_out = quota.runs_out.map(|date| date.strftime("%m-%d").to_string());
        let since = quota.counted_since.map(|since| since.strftime("%m-%d %H:%M").to_string());
        let facts = match self.language {
            Language::Chinese => [
                Some(format!("今日 {today}")),
                Some(format!("{left}后重置")),
                runs_out.map(|date| format!("按近 7 天的速度 {date} 用完")),
                free.map(|(direction, bytes)| format!("{direction} {bytes} 不计")),
                since.map(|since| format!("自 {since} 起统计")),
            ],
            Language::English => [
                Some(format!("today {today}")),
                Some(format!("begins anew in {left}")),
                runs_out.map(|date| format!("used up on {date} at the speed of the last 7 days")),
                free.map(|(direction, bytes)| format!("{direction} {bytes} not billed")),
                since.map(|since| format!("counted since {since}")),
            ],
        };
        facts.into_iter().flatten().collect::<Vec<_>>().join(self.comma)
    }

    const fn direction(&self, direction: Direction) -> &'static str {
        match (self.language, direction) {
            (Language::Chinese, Direction::In) => "入站",
            (Language::Chinese, Direction::Out) => "出站",
            (Language::Chinese, Direction::Both) => "双向",
            (Language::Chinese, Direction::Max) => "较大方向",
            (Language::English, Direction::In) => "in",
            (Language::English, Direction::Out) => "out",
            (Language::English, Direction::Both) => "in and out",
            (Language::English, Direction::Max) => "the greater direction",
        }
    }
}
