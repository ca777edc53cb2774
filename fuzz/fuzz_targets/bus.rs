//! Any bytes of a system bus are read as messages, or refused; and so is what they are about, as whatever it is taken for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vps_monitor::bus::wire;

fuzz_target!(|bytes: &[u8]| {
    let Ok(Some(length)) = wire::length(bytes) else { return };
    let Some(message) = bytes.get(..length) else { return };
    let Ok(message) = wire::decode(message) else { return };
    for signature in [message.body.signature.as_str(), "a(ssssssouso)", "v", "s", "a(susso)", "a{sv}"] {
        let Ok(mut reader) = message.body.of(signature) else { continue };
        let _ = reader.skip(signature);
    }
});
