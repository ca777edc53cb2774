//! The owner of an address: people paste the webhook that they have.

/// The hosts of services that take a message by webhook and understand no other's format. A name stands for its
/// subdomains too: Microsoft gives each tenant one, Discord its test clients.
const HOSTS: [(&str, &str); 23] = [
    ("qyapi.weixin.qq.com", "WeChat Work"),
    ("oapi.dingtalk.com", "DingTalk"),
    ("api.dingtalk.com", "DingTalk"),
    ("open.feishu.cn", "Feishu"),
    ("open.larksuite.com", "Lark"),
    ("hooks.slack.com", "Slack"),
    ("hooks.slack-gov.com", "Slack"),
    ("discord.com", "Discord"),
    ("discordapp.com", "Discord"),
    ("api.telegram.org", "Telegram"),
    ("webhook.office.com", "Microsoft Teams"),
    ("outlook.office.com", "Microsoft Teams"),
    ("logic.azure.com", "Microsoft Teams"),
    ("api.powerplatform.com", "Microsoft Teams"),
    ("chat.googleapis.com", "Google Chat"),
    ("ntfy.sh", "ntfy"),
    ("api.day.app", "Bark"),
    ("sctapi.ftqq.com", "ServerChan"),
    ("push.ft07.com", "ServerChan"),
    ("www.pushplus.plus", "PushPlus"),
    ("wxpusher.zjiecode.com", "WxPusher"),
    ("api.pushover.net", "Pushover"),
    ("maker.ifttt.com", "IFTTT"),
];

/// The service that `host`, in lower case, belongs to, if it is one of those.
pub fn of(host: &str) -> Option<&'static str> {
    let host = host.trim_end_matches('.');
    let belongs = |name: &str| host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    HOSTS.iter().find(|(name, _)| belongs(name)).map(|(_, vendor)| *vendor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_known_by_its_host_and_by_no_other_that_looks_like_it() {
        assert_eq!(of("oapi.dingtalk.com"), Some("DingTalk"));
        assert_eq!(of("canary.discord.com."), Some("Discord"));
        assert_eq!(of("contoso.webhook.office.com"), Some("Microsoft Teams"));
        assert_eq!(of("qyapi.weixin.qq.com"), Some("WeChat Work"));
        for host in ["relay.example.com", "notdiscord.com", "discord.com.example.org", ""] {
            assert_eq!(of(host), None, "{host}");
        }
    }
}
