//! The link of a network card in the definition of a domain that exists.

use quick_xml::{
    Reader, Writer,
    events::{BytesStart, Event},
};

use crate::domains::Link;

/// The network card `nic`, as a domain has it, with that link. `None` where it is no XML, which libvirt never writes.
pub(in crate::domains) fn with_link(nic: &str, link: Link) -> Option<String> {
    let mut reader = Reader::from_str(nic);
    let mut writer = Writer::new(Vec::new());
    loop {
        match reader.read_event().ok()? {
            Event::Eof => break,
            Event::Empty(element) if element.name().as_ref() == "link" => {}
            Event::Start(element) if element.name().as_ref() == "link" => {
                reader.read_to_end(element.name()).ok()?;
            }
            Event::End(element) if element.name().as_ref() == "interface" => {
                let state = BytesStart::new("link").with_attributes([("state", link.name())]);
                writer.write_event(Event::Empty(state)).ok()?;
                writer.write_event(Event::End(element)).ok()?;
            }
            event => writer.write_event(event).ok()?,
        }
    }
    String::from_utf8(writer.into_inner()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_link_changes() {
        let without = "<interface type='bridge'><mac address='fa:00'/><alias name='a&amp;b'/></interface>";
        let down = with_link(without, Link::Down).unwrap();
        assert_eq!(
            down,
            "<interface type='bridge'><mac address='fa:00'/><alias name='a&amp;b'/><link state=\"down\"/></interface>"
        );
        assert_eq!(with_link(&down, Link::Down).unwrap(), down);
        assert_eq!(with_link(&down, Link::Up).unwrap(), down.replace("down", "up"));
        assert_eq!(
            with_link("<interface><link state='up'></link></interface>", Link::Down).unwrap().matches("link").count(),
            1
        );
    }
}
