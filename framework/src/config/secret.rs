//! Which values nobody may see, in logs, errors and printouts.

use std::borrow::Cow;

/// What stands for a value that is not shown.
const HIDDEN: &str = "[hidden]";

/// Parts of the names of keys whose values are secrets.
const SECRET_WORDS: &[&str] =
    &["password", "passphrase", "secret", "token", "credential", "user.info", "jaas", "key.pem", "keystore.key"];

/// The value as it may be shown: hidden if the key names a secret, without user and password if it is an address.
pub(super) fn shown<'a>(key: &str, value: &'a str) -> Cow<'a, str> {
    let key = key.to_ascii_lowercase();
    // Which of several ways of naming credentials is chosen is not a secret.
    let is_secret = SECRET_WORDS.iter().any(|word| key.contains(word)) && !key.ends_with("credentials.source");
    if is_secret && !value.is_empty() { Cow::Borrowed(HIDDEN) } else { without_user(value) }
}

/// `scheme://user:password@host` without what stands before the host, for each address of a list.
fn without_user(value: &str) -> Cow<'_, str> {
    if !value.contains('@') || !value.contains("://") {
        return Cow::Borrowed(value);
    }
    let host = |address: &str| match address.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", after_user(rest)),
        None => after_user(address).into_owned(),
    };
    Cow::Owned(value.split(',').map(host).collect::<Vec<_>>().join(","))
}

fn after_user(rest: &str) -> Cow<'_, str> {
    let authority = rest.find('/').unwrap_or(rest.len());
    match rest[..authority].rfind('@') {
        Some(at) => Cow::Owned(format!("{HIDDEN}{}", &rest[at..])),
        None => Cow::Borrowed(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secret_keys_are_hidden() {
        for key in [
            "sasl.password",
            "consumer.ssl.key.password",
            "basic.auth.user.info",
            "sasl.jaas.config",
            "ssl.keystore.key",
            "sasl.oauthbearer.client.secret",
            "producer.sasl.oauthbearer.token.endpoint.url",
        ] {
            assert_eq!(shown(key, "hunter2"), HIDDEN, "{key}");
            assert_eq!(shown(key, ""), "", "{key}: that nothing is set is no secret");
        }
    }

    #[test]
    fn other_values_are_shown() {
        assert_eq!(shown("sasl.username", "alice"), "alice");
        assert_eq!(shown("basic.auth.credentials.source", "USER_INFO"), "USER_INFO");
        assert_eq!(shown("schema.registry.url", "http://r:8081/a@b"), "http://r:8081/a@b");
    }

    #[test]
    fn address_is_shown_without_user_and_password() {
        assert_eq!(shown("schema.registry.url", "http://u:p@r:8081/x"), "http://[hidden]@r:8081/x");
        assert_eq!(shown("u", "http://u:p@r:1,http://u:p@s:2"), "http://[hidden]@r:1,http://[hidden]@s:2");
        assert_eq!(shown("kstreams.url", "kafka://u:p@r:1,u:p@s:2"), "kafka://[hidden]@r:1,[hidden]@s:2");
    }
}
