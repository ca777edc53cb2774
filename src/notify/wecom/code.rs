//! The robot's error codes, and those of WeChat Work's applications, by which a relay may send: the vendor's table of
//! global error codes, document path 90313 (formerly 90454).

use crate::notify::verdict::Meaning;

const NEW_ROBOT: &str = "the key is not valid: copy the webhook URL again from the group's robot (群机器人); if the robot was removed from the \
                         group, add a new one";
const DISABLED: &str = "the robot is disabled (停用): have an administrator of the company enable it, or add a new one to \
                        the group and use its webhook URL";
const NOT_IN_GROUP: &str = "the robot is not in the group any more: add a new one and use its webhook URL";
const NO_GROUP: &str = "the group is not there any more: add a robot to another one and use its webhook URL";
const CREDENTIALS: &str = "the relay's own credentials for WeChat Work (corpid, secret, agentid) are not valid: correct \
                           them at the relay";
const NOT_ALLOWED: &str = "the relay's application may not do this: look at its permissions and at who may see it in the \
                           administration of WeChat Work";
const ADDRESS: &str = "the relay's IP address is not among the trusted ones: add it in the administration of WeChat Work \
                       (企业可信IP)";
const RECIPIENTS: &str = "none of the relay's recipients is valid: correct them at the relay";

const BUG: &str = "the robot does not take this message as it is: please report it as a bug of vps-monitor";
pub const BUSY: &str = "the robot is busy or has a fault: try again; the code is explained on the vendor's page 90313";
const FORBIDDEN_WORDS: &str = "the message has words that the company forbids: a container's or the host's name?";

/// The vendor's table of codes, in its order.
pub fn meaning(errcode: i64) -> Meaning {
    use Meaning::{ChannelRefused, Delivered, MessageRefused, Passing, TooOften, Unknown};
    match errcode {
        0 => Delivered,
        // Busy; changed by two at once; an access token that the relay has to renew; too many calls at once.
        -1 | 6000 | 40014 | 42001 | 45033 => Passing(BUSY),
        // Not a secret, no corpid; a secret of another company; no token, corpid, secret, agentid.
        40001 | 40013 | 40056 | 40091 | 41001 | 41002 | 41004 | 41011 | 2_000_002 => ChannelRefused(CREDENTIALS),
        // Bad msgtype; illegal characters; bad or empty parameters, as over-long content is; empty content; media, message
        // too big; too many articles; content that clients may break at; a picture's checksum.
        40008 | 40033 | 40035 | 40058 | 40063 | 44001 | 44004 | 45001 | 45002 | 45008 | 82004 | 301_019 => {
            MessageRefused(BUG)
        }
        85002 => MessageRefused(FORBIDDEN_WORDS),
        // Over 20 messages in a minute, from all senders together.
        45009 => TooOften,
        // No such chat; the group was dissolved; bad chatid, no such chat, not its member.
        40050 | 49008 | 86001 | 86003 | 86217 => ChannelRefused(NO_GROUP),
        // Not for this API; authorisation gone; API withdrawn; permission withdrawn; application disabled; recipients out
        // of its reach; no such application.
        48002 | 48004 | 48005 | 48006 | 50003 | 60011 | 90351 | 301_002 => ChannelRefused(NOT_ALLOWED),
        60020 | 301_042 => ChannelRefused(ADDRESS),
        81013 | 82001 => ChannelRefused(RECIPIENTS),
        // The robot's own: 93000 is a bad URL or a robot that was removed.
        93004 => ChannelRefused(DISABLED),
        93008 => ChannelRefused(NOT_IN_GROUP),
        93000..=93099 => ChannelRefused(NEW_ROBOT),
        _ => Unknown,
    }
}
