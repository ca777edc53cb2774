//! Names with `*`: interfaces and containers are named in the configuration by such patterns.

/// Whether `name` fits `pattern`: `*` stands for any run of characters, also an empty one; everything else is literal.
///
/// Linear in `name` for each `*`: the last `*` alone is ever tried again. A name is bytes: that of an interface need not be
/// UTF-8.
pub fn matches(pattern: impl AsRef<[u8]>, name: impl AsRef<[u8]>) -> bool {
    let (pattern, name) = (pattern.as_ref(), name.as_ref());
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&b'*') {
            retry = Some((p + 1, n));
            p += 1;
        } else if pattern.get(p) == Some(&name[n]) {
            p += 1;
            n += 1;
        } else if let Some((after_star, start)) = retry {
            retry = Some((after_star, start + 1));
            p = after_star;
            n = start + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_run_and_all_else_is_literal() {
        for (pattern, name) in [
            ("eth0", "eth0"),
            ("veth*", "veth12ab"),
            ("veth*", "veth"),
            ("*", ""),
            ("*-web-*", "shop-web-1"),
            ("a*b*c", "axxbyybzc"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("web", "web-running"),
            ("eth0", "eth01"),
            ("*-web", "web"),
            ("a.c", "abc"),
            ("", "a"),
            ("a*b", "a"),
            ("[ab]", "a"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
