//! Sizes as people write and read them.

const UNITS: [(char, i64); 5] = [('T', 1 << 40), ('G', 1 << 30), ('M', 1 << 20), ('K', 1 << 10), ('B', 1)];

/// Reads `1G`, `512M`, `4096`, with or without a `B` at the end, as bytes. `None` for anything else.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let text = text.trim().to_ascii_uppercase();
    let text = match text.strip_suffix('B') {
        Some(rest) if rest.ends_with(|c: char| c.is_ascii_alphabetic()) => rest,
        _ => &text,
    };
    let unit = UNITS.iter().find(|(letter, _)| text.ends_with(*letter));
    let (digits, factor) = unit.map_or((text, 1), |(_, factor)| (&text[..text.len() - 1], *factor));
    let number: i64 = digits.trim().parse().ok().filter(|number| *number >= 0)?;
    number.checked_mul(factor)
}

/// Bytes as mebibytes, rounded up, for sentences.
pub(crate) fn mib(bytes: i64) -> String {
    format!("{} MiB", (bytes.max(0) + (1 << 20) - 1) >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [("1G", 1 << 30), ("1GB", 1 << 30), ("512m", 512 << 20), ("10", 10), ("10B", 10), ("0", 0)]
        {
            assert_eq!(parse(text), Some(bytes), "{text}");
        }
        for text in ["", "G", "-1G", "1.5G", "1X", "B", "99999999999T"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_lack_is_never_shown_as_nothing() {
        assert_eq!(mib(1), "1 MiB");
        assert_eq!(mib(2 << 20), "2 MiB");
        assert_eq!(mib(-5), "0 MiB");
    }
}
