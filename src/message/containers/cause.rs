//! Why a container is not well, in the words of both languages: as a line of its own, and as the end of one.

use super::super::words::Language;
use super::super::{Line, Words};
use crate::snapshot::Cause;
use crate::text::counted;

const MAX_HEALTH_OUTPUT_CHARS: usize = 120;

impl Words {
    /// A reason why a container is not well, as a line: `💥 退出码: 3`.
    pub(super) fn cause(&self, cause: &Cause) -> Line {
        let sign = Line::from(if cause.is_on_purpose() { "✋ " } else { "💥 " });
        match cause {
            Cause::ExitCode(code) => sign + format!("{}: {code}{}", self.exit_code(), self.meaning(*code)),
            Cause::HealthOutput(_) => sign + self.short_cause(cause),
            _ => sign + self.cause_label() + ": " + self.short_cause(cause),
        }
    }

    /// The same behind other facts of the line: `退出码 3`.
    pub(in super::super) fn short_cause(&self, cause: &Cause) -> Line {
        let is_chinese = self.language == Language::Chinese;
        let text = match cause {
            Cause::ExitCode(code) => return format!("{} {code}{}", self.short_exit_code(), self.meaning(*code)).into(),
            Cause::HealthOutput(output) => {
                let label = if is_chinese { "健康检查: " } else { "Health check: " };
                return Line::from(label) + Line::foreign(output.trim()).first_chars(MAX_HEALTH_OUTPUT_CHARS);
            }
            Cause::RestartLoop { times, window_minutes } if is_chinese => {
                return format!("反复重启 ({window_minutes} 分钟内 {times} 次)").into();
            }
            Cause::RestartLoop { times, window_minutes } => {
                let [times, minutes] =
                    [(*times, "time"), (*window_minutes, "minute")].map(|(count, of)| counted(count, of));
                return format!("restart loop ({times} in {minutes})").into();
            }
            Cause::OomKilled if is_chinese => "内存不足被系统杀死 (OOM)",
            Cause::OomKilled => "OOM killed",
            Cause::StoppedByHand if is_chinese => "手动停止",
            Cause::StoppedByHand => "stopped by hand",
            Cause::Terminated if is_chinese => "被停止 (SIGTERM)",
            Cause::Terminated => "stopped (SIGTERM)",
            Cause::EngineStopped if is_chinese => "Docker 引擎停止",
            Cause::EngineStopped => "the Docker engine stopped",
            Cause::Removed if is_chinese => "已删除",
            Cause::Removed => "removed",
            // Of a unit, which has a line of another form.
            Cause::UnitEnded { result, .. } => return Line::foreign(result),
            Cause::AsFound | Cause::Named => "",
            Cause::RebootNeeded { packages, days } => {
                let since = Line::from(self.for_days(*days));
                return if packages.is_empty() { since } else { Line::foreign(packages) + self.comma + since };
            }
        };
        text.into()
    }

    fn for_days(&self, days: u64) -> String {
        match (self.language, days) {
            (Language::Chinese, 0) => "今天起".to_owned(),
            (Language::Chinese, _) => format!("已 {days} 天"),
            (Language::English, 0) => "since today".to_owned(),
            (Language::English, 1) => "for a day".to_owned(),
            (Language::English, _) => format!("for {}", counted(days, "day")),
        }
    }

    fn cause_label(&self) -> &'static str {
        if self.language == Language::Chinese { "原因" } else { "Cause" }
    }

    fn exit_code(&self) -> &'static str {
        if self.language == Language::Chinese { "退出码" } else { "Exit code" }
    }

    fn short_exit_code(&self) -> &'static str {
        if self.language == Language::Chinese { "退出码" } else { "exit code" }
    }

    /// The meaning of an exit code, if it is certain: a shell's for a command that it cannot run (POSIX, "Exit Status
    /// for Commands"), and 128 and the number of the signal that ended the container (signal(7)). Empty for others.
    fn meaning(&self, code: i64) -> String {
        let (signal, chinese, english) = match code {
            126 => ("", "命令无法执行", "the command cannot be run"),
            127 => ("", "命令不存在", "command not found"),
            129 => ("SIGHUP", "", ""),
            130 => ("SIGINT", "", ""),
            131 => ("SIGQUIT", "", ""),
            132 => ("SIGILL", "非法指令", "illegal instruction"),
            133 => ("SIGTRAP", "", ""),
            134 => ("SIGABRT", "程序异常中止", "aborted"),
            135 => ("SIGBUS", "总线错误", "bus error"),
            136 => ("SIGFPE", "算术错误", "arithmetic error"),
            137 => ("SIGKILL", "可能内存不足", "perhaps out of memory"),
            139 => ("SIGSEGV", "段错误", "segmentation fault"),
            141 => ("SIGPIPE", "", ""),
            143 => ("SIGTERM", "", ""),
            159 => ("SIGSYS", "系统调用被禁止", "a system call was not allowed"),
            _ => return String::new(),
        };
        let text = if self.language == Language::Chinese { chinese } else { english };
        let comma = if signal.is_empty() || text.is_empty() { "" } else { self.comma };
        format!(" ({signal}{comma}{text})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(cause: &Cause) -> [String; 2] {
        [Language::Chinese, Language::English].map(|language| language.words().cause(cause).plain().to_owned())
    }

    #[test]
    fn causes_are_told_in_the_languages_words() {
        for (cause, chinese, english) in [
            (Cause::OomKilled, "💥 原因: 内存不足被系统杀死 (OOM)", "💥 Cause: OOM killed"),
            (Cause::ExitCode(3), "💥 退出码: 3", "💥 Exit code: 3"),
            (
                Cause::RestartLoop { times: 4, window_minutes: 10 },
                "💥 原因: 反复重启 (10 分钟内 4 次)",
                "💥 Cause: restart loop (4 times in 10 minutes)",
            ),
            (Cause::StoppedByHand, "✋ 原因: 手动停止", "✋ Cause: stopped by hand"),
            (Cause::Terminated, "✋ 原因: 被停止 (SIGTERM)", "✋ Cause: stopped (SIGTERM)"),
            (Cause::EngineStopped, "✋ 原因: Docker 引擎停止", "✋ Cause: the Docker engine stopped"),
            (Cause::Removed, "✋ 原因: 已删除", "✋ Cause: removed"),
            (Cause::HealthOutput("curl: (22)\n".into()), "💥 健康检查: curl: (22)", "💥 Health check: curl: (22)"),
        ] {
            assert_eq!(told(&cause), [chinese, english]);
        }
    }

    #[test]
    fn an_exit_code_is_explained_where_its_meaning_is_certain() {
        for (code, chinese, english) in [
            (137, " (SIGKILL，可能内存不足)", " (SIGKILL, perhaps out of memory)"),
            (139, " (SIGSEGV，段错误)", " (SIGSEGV, segmentation fault)"),
            (130, " (SIGINT)", " (SIGINT)"),
            (127, " (命令不存在)", " (command not found)"),
            (126, " (命令无法执行)", " (the command cannot be run)"),
            (255, "", ""),
            (1, "", ""),
        ] {
            let [zh, en] = told(&Cause::ExitCode(code));
            assert_eq!((zh, en), (format!("💥 退出码: {code}{chinese}"), format!("💥 Exit code: {code}{english}")));
        }
    }

    #[test]
    fn a_health_checks_output_is_one_line_of_at_most_120_characters() {
        let output = Cause::HealthOutput(format!("a\nb\t*{}", "é".repeat(200)));
        let [line, _] = told(&output);
        let line = line.strip_prefix("💥 健康检查: ").unwrap();
        assert!(line.starts_with("a b *é") && line.chars().count() == 120, "{line}");
    }
}
