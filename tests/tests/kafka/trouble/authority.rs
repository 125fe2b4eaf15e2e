//! An authority that signs the certificate of a test's broker, made with `openssl` for one test program.

use std::path::Path;
use std::process::Command;

/// What a listener with TLS is given, in PEM.
pub struct Signed {
    pub key: String,
    pub certificate: String,
    pub authority: String,
}

/// A key and a certificate for 127.0.0.1, signed by an authority of their own.
pub fn sign() -> Signed {
    let directory = tempfile::tempdir().expect("a directory");
    let here = directory.path();
    openssl(here, "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem");
    openssl(here, "req -newkey rsa:2048 -nodes -subj /CN=broker -keyout broker.key -out broker.csr");
    std::fs::write(here.join("names"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n").expect("it is ours");
    openssl(
        here,
        "x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out broker.pem",
    );
    let text = |name: &str| std::fs::read_to_string(here.join(name)).expect("openssl has written it");
    Signed { key: text("broker.key"), certificate: text("broker.pem"), authority: text("ca.pem") }
}

fn openssl(directory: &Path, words: &str) {
    let ran = Command::new("openssl").args(words.split(' ')).current_dir(directory).output();
    let ran = ran.expect("openssl is installed: `make test` sees to it");
    assert!(ran.status.success(), "openssl {words}: {}", String::from_utf8_lossy(&ran.stderr));
}
