//! Names of nodes, stores and topics: generated ones count up over the whole topology, given ones are checked.

/// The longest name that can become a topic or a directory.
const NAME_LENGTH_MAX: usize = 249;

/// `KSTREAM-FILTER-0000000001`.
pub(super) fn numbered(prefix: &str, index: usize) -> String {
    format!("{prefix}{index:010}")
}

/// Whether the name is one that `KStream` steps generate, so that nodes made for it are numbered, too.
pub(super) fn is_generated_stream_name(name: &str) -> bool {
    let Some((prefix, digits)) = name.rsplit_once('-') else { return false };
    prefix.starts_with("KSTREAM") && digits.len() == 10 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// What is wrong with a name that was given.
pub(super) fn flaw(name: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() {
        Some("a name must not be empty".to_owned())
    } else if name == "." || name == ".." {
        Some(format!("`{name}` cannot be a name"))
    } else if name.len() > NAME_LENGTH_MAX {
        Some(format!("the name `{name}` is longer than {NAME_LENGTH_MAX} characters"))
    } else {
        let wrong = name.chars().find(|&c| !allowed(c))?;
        Some(format!("the name `{name}` contains {wrong:?}; letters, digits, `.`, `_` and `-` are allowed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_names_are_recognised() {
        assert!(is_generated_stream_name("KSTREAM-AGGREGATE-STATE-STORE-0000000003"));
        assert!(!is_generated_stream_name("counts"));
        assert!(!is_generated_stream_name("KTABLE-AGGREGATE-STATE-STORE-0000000003"));
    }

    #[test]
    fn flawed_names_are_explained() {
        assert_eq!(flaw("ok.Name_1-x"), None);
        assert!(flaw("a b").unwrap().contains("' '"));
        assert!(flaw("").is_some() && flaw("..").is_some() && flaw(&"x".repeat(250)).is_some());
    }
}
