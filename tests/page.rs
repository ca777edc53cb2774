//! A page of `chart` in a browser of others, headless Chromium: at a phone's and a desk's width, dark and light.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value as Json;

use crate::cli::history::{DAY, place};
use crate::support::is_ci;

/// A phone's width. Chromium has no window so narrow, so the page is in a frame.
const WIDTHS: [u32; 2] = [390, 1200];

/// Chromium's numbers of colour schemes.
const SCHEMES: [(&str, bool); 2] = [("0", true), ("1", false)];

fn measured(folder: &Path, page: &str, width: u32, scheme: &str) -> Option<Json> {
    let script = include_str!("measure_page.js");
    // The policy of the page forbids scripts. Without it whatever would be loaded is seen.
    let (head, rest) = page.split_once("<meta http-equiv=").unwrap();
    let (_, rest) = rest.split_once(">\n").unwrap();
    let page = format!("{head}{}", rest.replace("</body>", &format!("<script>{script}</script></body>")));
    let frame = page.replace('&', "&amp;").replace('"', "&quot;");
    let outer = format!(
        "<!DOCTYPE html><meta charset=utf-8><iframe id=f srcdoc=\"{frame}\" style=\"width:{width}px;height:9000px;border:0\">\
         </iframe><script>onload = () => document.body.append(f.contentDocument.getElementById('measured'))</script>"
    );
    let path = folder.join("outer.html");
    fs::write(&path, outer).unwrap();
    let mut chromium = Command::new("chromium");
    chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "--window-size=1300,1000"]);
    chromium.arg(format!("--blink-settings=preferredColorScheme={scheme}"));
    chromium.arg(format!("--user-data-dir={}", folder.join("profile").display()));
    let output = match chromium.arg(format!("file://{}", path.display())).output() {
        Ok(output) => output,
        Err(error) => {
            assert!(!is_ci(), "chromium (Debian's package of that name): {error}");
            eprintln!("left out, there is no chromium: {error}");
            return None;
        }
    };
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = dom.rsplit_once("id=\"measured\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let (json, _) = found.unwrap_or_else(|| panic!("{} {dom}", String::from_utf8_lossy(&output.stderr)));
    Some(serde_json::from_str(&json.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")).unwrap())
}

#[test]
fn a_page_is_legible_on_a_phone_and_on_a_desk_and_loads_nothing() {
    let place = place();
    for language in ["en", "zh"] {
        let config = fs::read_to_string(place.config()).unwrap();
        place.configure(&config.replace("language: en", &format!("language: {language}")));
        let drawn = place.run(&[&["chart", "--output", "day.html"][..], &DAY].concat());
        assert_eq!(drawn.code, 0, "{drawn:?}");
        let page = fs::read_to_string(place.path("day.html")).unwrap();
        for (width, (scheme, is_dark)) in WIDTHS.into_iter().flat_map(|width| SCHEMES.map(|scheme| (width, scheme))) {
            let Some(found) = measured(&place.path(""), &page, width, scheme) else { return };
            assert_eq!((&found["width"], &found["dark"]), (&width.into(), &is_dark.into()), "{found}");
            assert_eq!((&found["wide"], &found["loaded"]), (&false.into(), &serde_json::json!([])), "{found}");
            assert_eq!(found["complaints"], serde_json::json!([]), "{width} {scheme} {language}");
            assert!(found["texts"].as_u64().unwrap() > 40, "{found}");
        }
    }
}
