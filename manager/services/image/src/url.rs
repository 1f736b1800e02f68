//! Where images come from: which URLs are taken, and what of them is shown.

use cumulo_schema::ErrorCode;

/// Refuses what no agent could fetch.
pub(crate) fn check(url: &str) -> Result<(), ErrorCode> {
    let wrong = |why: &str| Err(ErrorCode::invalid(format!("field[url] {why}")));
    if url.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return wrong("holds spaces or control characters; write them as %20 and the like");
    }
    match url.split_once("://") {
        Some(("http" | "https", rest)) => match authority(rest).rsplit('@').next().unwrap_or("") {
            "" => wrong("names no machine"),
            _ => Ok(()),
        },
        Some(("file", rest)) if rest.len() > 1 && rest.starts_with('/') => Ok(()),
        Some(("file", _)) => wrong("must be file:// and an absolute path on the backup storage's machine"),
        _ => wrong("must begin with http://, https:// or file:///"),
    }
}

/// `url` without the password that it may carry.
pub(crate) fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let Some((login, _)) = authority(rest).rsplit_once('@') else { return url.to_owned() };
    match login.split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:*****{}", &rest[login.len()..]),
        None => url.to_owned(),
    }
}

fn authority(rest: &str) -> &str {
    rest.split(['/', '?', '#']).next().unwrap_or("")
}

/// The format that the end of the path tells, as agents name it.
pub(crate) fn format(url: &str) -> &'static str {
    let path = url.split(['?', '#']).next().unwrap_or("").to_ascii_lowercase();
    match path.rsplit_once('.').map(|(_, end)| end) {
        Some("iso") => "iso",
        Some("raw" | "img") => "raw",
        _ => "qcow2",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_fetched_is_taken() {
        for good in ["http://a/b.qcow2", "https://u:p@a:8080/b?c=d", "file:///images/a.qcow2"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "ftp://a/b",
            "http://",
            "http:///x",
            "http://u@/x",
            "file://a",
            "file:///",
            "http://a/b c",
            "http://a/\n",
        ] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(shown("http://me:secret@a/b"), "http://me:*****@a/b");
        assert_eq!(shown("http://me:se@cret@a/b?x=1"), "http://me:*****@a/b?x=1");
        for plain in ["http://a/b", "http://me@a/b", "http://a/b:c@d", "file:///a"] {
            assert_eq!(shown(plain), plain);
        }
    }

    #[test]
    fn formats_are_told_from_names() {
        assert_eq!(format("http://a/x.ISO?y=z.raw"), "iso");
        assert_eq!(format("http://a/x.img"), "raw");
        assert_eq!(format("http://a/x"), "qcow2");
    }
}
