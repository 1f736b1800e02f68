//! Secrets in lines: which words hold one, and the line without them, for history, echo and reports.

use cumulo_schema::ApiMeta;

use super::{Argument, Piece, Word, lex};
use crate::Catalog;

/// Parts of names that mean a secret even where no declaration is at hand, as in a mistyped verb.
const TELLING: [&str; 5] = ["password", "passwd", "secret", "token", "privatekey"];

/// `line` with the value of every secret argument replaced by `instead`. A value that is only a `$name` stays, since it
/// tells nothing. In a line that cannot be read everything after the first telling name goes.
#[must_use]
pub fn redact(catalog: Catalog, line: &str, instead: &str) -> String {
    let Ok(words) = lex(line) else { return cut(line, instead) };
    let api = words.first().and_then(Word::bare).and_then(|verb| catalog.api(&verb));
    let chars: Vec<char> = line.chars().collect();
    let mut kept = String::new();
    let mut at = 0;
    for (index, word) in words.iter().enumerate() {
        match Argument::read(word) {
            Some(argument) if holds_secret(api, &argument) => {
                let value = word.span.start + argument.name.len() + argument.operator.as_str().len();
                kept.extend(&chars[at..value]);
                kept.push_str(instead);
                at = word.span.end;
            }
            // `password hunter2`, `'password=hunter2'`: what belongs to the name cannot be told, so all of it goes.
            None if index > 0 && tells(&text(&word.pieces)) => {
                kept.extend(&chars[at..word.span.start]);
                return kept.trim_end().to_owned();
            }
            _ => {}
        }
    }
    kept.extend(&chars[at..]);
    kept
}

/// Whether the whole value of the parameter `name` is a secret, by declaration or by the look of it. Declarations also
/// mark URLs and tags, which are secret only where a password is inside.
#[must_use]
pub fn is_secret(api: Option<&ApiMeta>, name: &str) -> bool {
    tells(name) || (is_marked(api, name) && !only_holds(name))
}

fn is_marked(api: Option<&ApiMeta>, name: &str) -> bool {
    api.and_then(|api| api.param(name)).is_some_and(|param| param.sensitive)
}

/// Whether the name is that of a URL or tag.
fn only_holds(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["url", "urls", "tag", "tags"].iter().any(|end| name.ends_with(end))
}

fn tells(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    TELLING.iter().any(|part| name.contains(part))
}

/// Whether the value is a secret, or a structure, URL or tag with one inside.
fn holds_secret(api: Option<&ApiMeta>, argument: &Argument) -> bool {
    if matches!(argument.value.as_slice(), [] | [Piece::Variable(_)]) {
        return false;
    }
    let value = text(&argument.value);
    let in_structure = value.starts_with(['{', '[']) && tells(&value);
    let authority = value.split_once("://").and_then(|(_, rest)| rest.split('/').next());
    let in_url = authority.is_some_and(|part| part.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')));
    // `root:password@10.0.0.1` is what some storages call a URL.
    let marked = is_marked(api, &argument.name) && authority.is_none() && (value.contains('@') || tells(&value));
    is_secret(api, &argument.name) || in_structure || in_url || marked
}

/// The typed characters, without references.
fn text(pieces: &[Piece]) -> String {
    pieces.iter().filter_map(|p| if let Piece::Bare(c) | Piece::Quoted(c) = p { Some(*c) } else { None }).collect()
}

fn cut(line: &str, instead: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let first = TELLING.iter().filter_map(|part| lower.find(part).map(|at| at + part.len())).min();
    first.map_or_else(|| line.to_owned(), |end| format!("{}={instead}", &line[..end]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::catalog;

    fn redacted(line: &str) -> String {
        redact(catalog(), line, "***")
    }

    #[test]
    fn only_the_secret_goes() {
        for (line, expected) in [
            (
                "LogInByAccount accountName=admin password=hunter2 -> s",
                "LogInByAccount accountName=admin password=*** -> s",
            ),
            ("AddKVMHost password='a b' name=\"H  1\"", "AddKVMHost password=*** name=\"H  1\""),
            ("AddKVMHost password=$HOST_PASSWORD name=é", "AddKVMHost password=$HOST_PASSWORD name=é"),
            ("AddKVMHost password=x$HOST_PASSWORD", "AddKVMHost password=***"),
            ("AddKVMHsot sshPassword=x y=z", "AddKVMHsot sshPassword=*** y=z"),
            ("QueryZone name=password", "QueryZone name=password"),
            ("LogInByAccount password hunter2", "LogInByAccount"),
            ("LogInByAccount accountName=a 'password=hunter2' b=c", "LogInByAccount accountName=a"),
            ("LogIn clientInfo={'password': 'x'} a=b", "LogIn clientInfo=*** a=b"),
            ("AddImage url=https://me:pass@host/i.qcow2 name=i", "AddImage url=*** name=i"),
            ("AddImage url=root:pass@host name=i", "AddImage url=*** name=i"),
            ("AddImage url=/storage name=i", "AddImage url=/storage name=i"),
            ("AddImage url=https://host:80/i@2.qcow2 name=i", "AddImage url=https://host:80/i@2.qcow2 name=i"),
            ("LogInByAccount password='hunter2", "LogInByAccount password=***"),
            ("CreateZone name='open", "CreateZone name='open"),
        ] {
            assert_eq!(redacted(line), expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn a_secret_never_survives(quote in "['\"]?", before in "[a-z =']{0,12}") {
            let line = format!("LogInByAccount {before} password={quote}S3CR3T{quote} accountName=admin");
            prop_assert!(!redacted(&line).contains("S3CR3T"), "{}", redacted(&line));
        }
    }
}
