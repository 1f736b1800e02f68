//! CD-ROM drives in the definition of a domain that exists.

use std::{io, path::Path};

use quick_xml::{
    Reader, Writer, XmlVersion,
    events::{BytesStart, Event},
};

use super::{drive_target, drive_xml};

/// A drive as a domain has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::domains) struct Drive {
    name: String,
    bus: &'static str,
    holds: Option<String>,
}

impl Drive {
    /// Whether `path` is in it, or nothing.
    pub(in crate::domains) fn holds(&self, path: Option<&Path>) -> bool {
        self.holds.as_deref() == path.map(Path::to_string_lossy).as_deref()
    }

    /// The same drive with `path` in it, or nothing.
    ///
    /// # Errors
    /// Never in practice: it writes into memory.
    pub(in crate::domains) fn xml_with(&self, path: Option<&Path>) -> io::Result<String> {
        let mut xml = Writer::new(Vec::new());
        drive_xml(&mut xml, &self.name, self.bus, path)?;
        String::from_utf8(xml.into_inner()).map_err(io::Error::other)
    }
}

/// The CD-ROM drive at `place` in a domain's definition. Which bus it is on depends on the machine.
pub(in crate::domains) fn drive_in(xml: &str, place: u32) -> Option<Drive> {
    let names = [true, false].map(|ide| drive_target(place, ide));
    let mut reader = Reader::from_str(xml);
    let (mut inside, mut target, mut holds) = (false, None, None);
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) if element.name().as_ref() == "disk" => {
                inside = attribute(&element, "device").as_deref() == Some("cdrom");
                (target, holds) = (None, None);
            }
            Event::Start(element) | Event::Empty(element) if inside => match element.name().as_ref() {
                "target" => target = attribute(&element, "dev"),
                "source" => holds = attribute(&element, "file"),
                _ => {}
            },
            Event::End(element) if element.name().as_ref() == "disk" => {
                if let Some((name, bus)) = names.iter().find(|(name, _)| inside && target.as_ref() == Some(name)) {
                    return Some(Drive { name: name.clone(), bus, holds });
                }
                inside = false;
            }
            Event::Eof => return None,
            _ => {}
        }
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = element.try_get_attribute(name).ok()??;
    Some(attribute.normalized_value(XmlVersion::Explicit1_0).ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = r#"<domain><devices>
        <disk type='file' device='disk'><source file='/ps/root'/><target dev='hda' bus='ide'/></disk>
        <disk type='file' device='cdrom'><driver name='qemu'/><source file='/ps/a&amp;b.iso' index='2'>
            <slices/></source><backingStore/><target dev='hdb' bus='ide' tray='open'/><readonly/></disk>
        <disk type='file' device='cdrom'><target dev='hdc' bus='ide'/><readonly/></disk>
    </devices></domain>"#;

    #[test]
    fn drives_are_found_by_their_place() {
        assert_eq!(drive_in(XML, 0), None, "that is a disk");
        assert_eq!(drive_in(XML, 3), None);
        let (full, empty) = (drive_in(XML, 1).expect("there"), drive_in(XML, 2).expect("there"));
        assert!(full.holds(Some(Path::new("/ps/a&b.iso"))) && !full.holds(None));
        assert!(empty.holds(None) && !empty.holds(Some(Path::new("/ps/a&b.iso"))));
        assert_eq!(drive_in(&XML.replace("hdc", "sdc"), 2).expect("there").bus, "sata");
    }

    #[test]
    fn what_is_put_in_stays_a_path() {
        let drive = drive_in(XML, 2).expect("there");
        let path = Path::new("/ps/</disk>.iso");
        let with = drive.xml_with(Some(path)).expect("written");
        assert!(drive_in(&with, 2).expect("there").holds(Some(path)), "{with}");
        let without = drive.xml_with(None).expect("written");
        assert!(drive_in(&without, 2).expect("there").holds(None), "{without}");
    }
}
