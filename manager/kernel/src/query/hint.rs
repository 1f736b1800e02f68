//! Errors about names: what was written, where, and the nearest name that would have been right.

use cumulo_schema::ErrorCode;

use super::{Name, Place, Target};

/// Characters of a client's text that an error repeats.
const SHOWN: usize = 80;

/// The first characters of what a client wrote.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

/// ` (line 1, column 7)`, or nothing.
pub(super) fn at(place: Option<Place>) -> String {
    place.map_or_else(String::new, |place| format!(" ({place})"))
}

/// The known name that is most like `given`.
pub(super) fn nearest<'n>(given: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let given = cut(given).to_lowercase();
    known.into_iter().min_by_key(|name| strsim::osa_distance(&given, &name.to_lowercase()))
}

/// `; did you mean 'height'?`, or nothing where nothing is known.
pub(super) fn did_you_mean<'n>(given: &str, known: impl IntoIterator<Item = &'n str>) -> String {
    nearest(given, known).map_or_else(String::new, |name| format!("; did you mean '{name}'?"))
}

/// There is no `part` of the name `whole` to ask `target` by.
pub(super) fn unknown(target: Target, part: &str, whole: &Name) -> ErrorCode {
    let known = target.names().chain(super::sql::TAG_FIELDS);
    let hint = did_you_mean(part, known);
    ErrorCode::internal(format!(
        "{} has no field '{}' to query by{}{hint}",
        target.own.inventory,
        cut(part),
        at(whole.place)
    ))
}

/// `target` has no field `name` of its own.
pub(super) fn no_field(target: Target, name: &Name) -> ErrorCode {
    let given = name.to_string();
    let hint = did_you_mean(&given, target.fields().map(|field| field.wire));
    ErrorCode::internal(format!("{} has no field '{}'{}{hint}", target.own.inventory, cut(&given), at(name.place)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_ignores_case_and_swapped_letters() {
        let known = ["name", "height", "createDate"];
        assert_eq!(nearest("heigth", known), Some("height"));
        assert_eq!(nearest("CREATEDATE", known), Some("createDate"));
        assert_eq!(did_you_mean("x", []), "");
        assert_eq!(nearest(&"n".repeat(1_000_000), known), Some("name"), "a long text costs no more than a short one");
    }
}
