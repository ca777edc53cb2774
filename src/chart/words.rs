//! The words of a drawing, in both languages. Words that messages have as well are theirs.

use super::scale::label;
use super::{Chart, ContainerRow, State, Step, Strip};
use crate::bounds::seconds_between;
use crate::message::{Language, Words};
use crate::text::{counted, were};

/// A chart that ends so long before it is made shows no latest hours.
const LATEST_SECONDS: u64 = 3600;

const DAY_SECONDS: u64 = 86_400;

/// Of a number that is written out.
const MOST_DIGITS: usize = 7;

impl Chart {
    /// The share of the time in which a container was well.
    pub(super) fn share(&self, row: &ContainerRow) -> String {
        row.well_percent.map_or_else(|| self.words().unknown.to_owned(), |percent| format!("{percent:.1}%"))
    }

    pub(super) fn words(&self) -> &'static Words {
        self.language.words()
    }

    pub(super) fn said(&self, zh: &'static str, en: &'static str) -> &'static str {
        match self.language {
            Language::Chinese => zh,
            Language::English => en,
        }
    }

    /// `最近 24 小时`; of a chart that ended long ago its length alone.
    pub(super) fn period(&self) -> String {
        let seconds = seconds_between(self.from, self.to);
        let hours = seconds / 3600;
        let length = match self.language {
            // A day and its night are hours to people, and so are two of them.
            _ if !seconds.is_multiple_of(DAY_SECONDS) || seconds > 2 * DAY_SECONDS => self.words().duration(seconds),
            Language::Chinese => format!("{hours} 小时"),
            Language::English => format!("{hours} h"),
        };
        match self.language {
            _ if seconds_between(self.to, self.made_at) > LATEST_SECONDS => length,
            Language::Chinese => format!("最近 {length}"),
            Language::English => format!("last {length}"),
        }
    }

    /// `11-25 13:00 至 11-26 13:00`
    pub(super) fn dates(&self) -> String {
        let (from, to) = (self.from.to_zoned(self.zone.clone()), self.to.to_zoned(self.zone.clone()));
        let end = if from.date() == to.date() { "%H:%M" } else { "%m-%d %H:%M" };
        format!("{} {} {}", from.strftime("%m-%d %H:%M"), self.said("至", "to"), to.strftime(end))
    }

    /// `告警 2`, `正常`, or unknown where nothing is known now.
    pub(super) fn status(&self) -> String {
        match self.wrong.len() {
            0 if self.is_known() => self.said("正常", "Normal").to_owned(),
            0 => self.words().unknown.to_owned(),
            count => format!("{} {count}", self.alert()),
        }
    }

    pub(super) fn alert(&self) -> &'static str {
        self.said("告警", "Alert")
    }

    /// The words before the lowest, the mean and the highest value.
    pub(super) fn extremes(&self) -> [&'static str; 3] {
        match self.language {
            Language::Chinese => ["低", "均", "高"],
            Language::English => ["min", "avg", "max"],
        }
    }

    /// `告警 58 分`: how long its alerts lasted, as short as can be.
    pub(super) fn alert_time(&self, strip: &Strip) -> Option<String> {
        let minutes = strip.alert_time(self).as_secs().div_ceil(60);
        let (zh, en, number) = if minutes < 600 { ("分", "min", minutes) } else { ("小时", "h", minutes / 60) };
        (minutes > 0).then(|| match self.language {
            Language::Chinese => format!("告警 {number} {zh}"),
            Language::English => format!("alert {number} {en}"),
        })
    }

    /// `每 1 分钟`
    pub(super) fn each_interval(&self) -> String {
        let interval = self.words().duration(self.interval.as_secs());
        format!("{} {interval}", self.said("每", "every"))
    }

    pub(super) fn containers_title(&self) -> &'static str {
        self.said("容器", "Containers")
    }

    pub(super) fn state(&self, state: State) -> &'static str {
        match state {
            State::Running => self.said("运行", "running"),
            State::Unhealthy => self.said("不健康", "unhealthy"),
            State::Stopped => self.said("停止", "stopped"),
            State::Unknown => self.words().unknown,
        }
    }

    /// Of two mirrored directions.
    pub(super) fn direction(&self, is_inward: bool) -> &'static str {
        if is_inward { self.said("入", "in") } else { self.said("出", "out") }
    }

    /// The meaning of the marks in a page's plots.
    pub(super) fn explanation(&self) -> &'static str {
        self.said(
            "线是平均值，浅色带是最低到最高，红色区间是告警，灰色是没有数据。",
            "The line is the mean, the light band reaches from the lowest to the highest; red is an alert, grey is no data.",
        )
    }

    /// The heads of the table of alerts.
    pub(super) fn episode_heads(&self) -> [&'static str; 5] {
        match self.language {
            Language::Chinese => ["告警", "开始", "结束", "持续", "最高"],
            Language::English => ["Alert", "Began", "Ended", "Lasted", "Worst"],
        }
    }

    /// Of an alert without an end.
    pub(super) fn still(&self) -> &'static str {
        self.said("仍在持续", "still on")
    }

    pub(super) fn no_data(&self) -> &'static str {
        self.said("没有数据", "no data")
    }

    /// `另有 7 个容器，一直正常`
    pub(super) fn others(&self, others: &[&ContainerRow]) -> String {
        let count = others.len();
        let troubled = others.iter().filter(|row| !row.was_well()).count();
        match (self.language, troubled) {
            (Language::Chinese, 0) => format!("另有 {count} 个容器，一直正常"),
            (Language::Chinese, _) => format!("另有 {count} 个容器，{troubled} 个有过异常"),
            (Language::English, 0) => format!("{}, well all the time", counted(count, "more container")),
            (Language::English, _) => {
                format!("{}, of which {troubled} {} not always well", counted(count, "more container"), were(troubled))
            }
        }
    }
}

impl Strip {
    /// `低 8.6  均 30.5  高 97.0`, each part on its own.
    pub(super) fn extremes(&self, whole: &Step) -> [String; 3] {
        [whole.min, whole.avg, whole.max].map(|number| self.plain(number))
    }

    /// A number without its unit. Many digits have no room beside a plot.
    pub(super) fn plain(&self, number: f64) -> String {
        let plain = self.key.metric.unit.plain(number);
        if plain.len() > MOST_DIGITS { label(number) } else { plain }
    }

    pub(super) fn title(&self, words: &Words) -> &'static str {
        words.label(&self.key.metric.label)
    }
}
