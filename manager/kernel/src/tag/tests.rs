use super::*;

const VERSION: TagDef = def("HostVO", "qemu-img::version::{version}");

const fn def(resource: &'static str, pattern: &'static str) -> TagDef {
    TagDef { resource, pattern, doc: "", check: any_tokens }
}

fn no_colons(tokens: &HashMap<String, String>) -> Result<(), String> {
    match tokens.values().any(|value| value.contains("::")) {
        true => Err("a token has no '::'".to_owned()),
        false => Ok(()),
    }
}

#[test]
fn tokens_are_read_and_filled_in() {
    let tokens = VERSION.tokens("qemu-img::version::7.2::deb").expect("fits");
    assert_eq!(tokens["version"], "7.2::deb");
    assert_eq!(VERSION.instantiate(&[("version", "7.2")]), "qemu-img::version::7.2");
    for other in ["qemu-img::version", "qemu::version::1", "", "qemu-img"] {
        assert_eq!(VERSION.tokens(other), None, "{other}");
    }
}

#[test]
fn an_undeclared_tag_is_refused() {
    let defs = TagDefs::new(vec![VERSION]);
    assert!(defs.check("HostVO", "qemu-img::version::1").is_ok());
    assert!(defs.check("VmInstanceVO", "qemu-img::version::1").is_err());
    assert!(defs.check("HostVO", "qemu-img::versoin::1").is_err());
}

#[test]
fn a_tag_of_two_patterns_is_refused_unless_only_one_takes_its_tokens() {
    let defs = TagDefs::new(vec![def("HostVO", "a::{x}"), def(ANY, "{y}::b")]);
    let both = defs.check("HostVO", "a::b").expect_err("both").details;
    assert!(both.contains("'a::{x}'") && both.contains("'{y}::b'"), "{both}");
    assert!(defs.check("ZoneVO", "a::b").is_ok(), "the other one is not for zones");
    let optional = TagDef { check: no_colons, ..def("HostVO", "tag::{tag}") };
    let defs = TagDefs::new(vec![optional, TagDef { pattern: "tag::{tag}::required", ..optional }]);
    assert!(defs.check("HostVO", "tag::SSD").is_ok());
    assert!(defs.check("HostVO", "tag::SSD::required").is_ok());
    assert!(defs.check("HostVO", "tag::a::b").expect_err("no token").details.contains("no '::'"));
}

#[test]
fn tags_of_a_new_resource_are_settled() {
    let defs = TagDefs::new(vec![VERSION]);
    let new = |system: &[&str], user: &[&str]| {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let mut tags = NewTags { system: texts(system), user: texts(user), patterns: vec![] };
        tags.settle(&defs, "HostVO").map(|()| tags)
    };
    let kept = new(&["qemu-img::version::1", "encryptionParam::x"], &["mine"]).expect("fine");
    assert_eq!(kept.system, ["qemu-img::version::1"], "what steers the call is not stored");
    assert_eq!(new(&[], &["a", "a"]).expect_err("twice").code, "TAG.1000");
    assert!(new(&[], &[""]).is_err());
    assert!(new(&["nothing::known"], &[]).is_err());
}
