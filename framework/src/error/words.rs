//! What sentences of errors are made of: short names of types, and the name that was probably meant.

/// The type's name as programs write it: without the paths of modules.
pub(crate) fn type_name<T: ?Sized>() -> String {
    without_paths(std::any::type_name::<T>())
}

fn without_paths(full: &str) -> String {
    let (mut short, mut part_begins) = (String::new(), 0);
    for letter in full.chars() {
        match letter {
            ':' => short.truncate(part_begins),
            _ => short.push(letter),
        }
        if !(letter.is_alphanumeric() || letter == '_') {
            part_begins = short.len();
        }
    }
    short
}

/// The known name that is nearest to `name`, if one is near.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const NEAR_ENOUGH: f64 = 0.75;
    let scored = known.into_iter().map(|known| (strsim::normalized_damerau_levenshtein(name, known), known));
    let (score, nearest) = scored.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (score >= NEAR_ENOUGH).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn type_is_named_without_its_modules() {
        assert_eq!(type_name::<i64>(), "i64");
        assert_eq!(type_name::<Option<String>>(), "Option<String>");
        assert_eq!(type_name::<BTreeMap<&str, Vec<(String, [u8; 4])>>>(), "BTreeMap<&str, Vec<(String, [u8; 4])>>");
    }

    #[test]
    fn nearest_name_is_named_only_if_it_is_near() {
        assert_eq!(nearest("total", ["counts", "totals"]), Some("totals"));
        assert_eq!(nearest("rides", ["counts", "totals"]), None);
        assert_eq!(nearest("rides", []), None);
    }
}
