//! Rules of access, told to a broker in Kafka's own protocol: our client has no call for that.

use std::io::{Read, Write};
use std::net::TcpStream;

/// Kinds of resources.
pub const TOPIC: i8 = 2;
pub const GROUP: i8 = 3;
pub const TRANSACTIONAL_ID: i8 = 5;

const CREATE_ACLS: i16 = 30;
const VERSION: i16 = 1;
/// The name is the beginning of names.
const PREFIXED: i8 = 4;
const ALL_OPERATIONS: i8 = 2;
const ALLOW: i8 = 3;

/// Allows a user everything with the resources of that kind whose names begin so.
pub fn allow(servers: &str, user: &str, kind: i8, prefix: &str) {
    let mut request = Vec::new();
    request.extend(CREATE_ACLS.to_be_bytes());
    request.extend(VERSION.to_be_bytes());
    request.extend(7_i32.to_be_bytes());
    text(&mut request, "test");
    request.extend(1_i32.to_be_bytes());
    request.extend(kind.to_be_bytes());
    text(&mut request, prefix);
    request.extend(PREFIXED.to_be_bytes());
    text(&mut request, &format!("User:{user}"));
    text(&mut request, "*");
    request.extend(ALL_OPERATIONS.to_be_bytes());
    request.extend(ALLOW.to_be_bytes());

    let mut broker = TcpStream::connect(servers).expect("the broker listens");
    let size = i32::try_from(request.len()).expect("it is short");
    broker.write_all(&[&size.to_be_bytes()[..], &request].concat()).expect("the broker reads");
    let mut size = [0; 4];
    broker.read_exact(&mut size).expect("the broker answers");
    let mut answer = vec![0; usize::try_from(i32::from_be_bytes(size)).expect("a size")];
    broker.read_exact(&mut answer).expect("the broker answers");
    // Correlation, throttle time, the number of answers: then the code of the first.
    assert_eq!(&answer[8..14], [0, 0, 0, 1, 0, 0], "the broker refuses the rule: {answer:?}");
}

fn text(request: &mut Vec<u8>, text: &str) {
    request.extend(i16::try_from(text.len()).expect("it is short").to_be_bytes());
    request.extend(text.as_bytes());
}
