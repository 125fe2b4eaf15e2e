//! A broker of years ago, as far as a client looks at it: which requests it knows, and which topics there are.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

const METADATA: i16 = 3;
const API_VERSIONS: i16 = 18;
const UNSUPPORTED_VERSION: i16 = 35;

/// What Apache Kafka 0.10.2 knows: requests with their first and last version.
const KNOWN: &[(i16, i16, i16)] = &[
    (0, 0, 2),
    (1, 0, 3),
    (2, 0, 1),
    (METADATA, 1, 1),
    (8, 0, 2),
    (9, 0, 2),
    (10, 0, 0),
    (11, 0, 1),
    (12, 0, 0),
    (13, 0, 0),
    (14, 0, 0),
    (15, 0, 0),
    (16, 0, 0),
    (17, 0, 0),
    (API_VERSIONS, 0, 0),
    (19, 0, 1),
    (20, 0, 1),
];

/// Listens until the program ends. The topics have one partition each.
pub fn listen(topics: &'static [&'static str]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it listens");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // A client that goes away ends its thread.
            std::thread::spawn(move || serve(stream, address, topics));
        }
    });
    address
}

fn serve(mut stream: TcpStream, address: SocketAddr, topics: &[&str]) -> std::io::Result<()> {
    loop {
        let mut size = [0; 4];
        stream.read_exact(&mut size)?;
        let mut request = vec![0; u32::from_be_bytes(size) as usize];
        stream.read_exact(&mut request)?;
        let number = |at: usize| i16::from_be_bytes([request[at], request[at + 1]]);
        let body = match (number(0), number(2)) {
            (API_VERSIONS, version) => versions(if version == 0 { 0 } else { UNSUPPORTED_VERSION }),
            (METADATA, 1) => metadata(address, topics),
            // As brokers do that do not know a request.
            _ => return Ok(()),
        };
        let answer = [&request[4..8], &body].concat();
        stream.write_all(&[&(answer.len() as u32).to_be_bytes()[..], &answer].concat())?;
    }
}

fn versions(error: i16) -> Vec<u8> {
    let known = if error == 0 { KNOWN } else { &[] };
    let mut body = error.to_be_bytes().to_vec();
    body.extend((known.len() as i32).to_be_bytes());
    for (request, first, last) in known {
        [request, first, last].iter().for_each(|number| body.extend(number.to_be_bytes()));
    }
    body
}

fn metadata(address: SocketAddr, topics: &[&str]) -> Vec<u8> {
    let mut body = Vec::new();
    let number = |body: &mut Vec<u8>, number: i32| body.extend(number.to_be_bytes());
    // One broker: its number, address, no rack; it is the controller.
    number(&mut body, 1);
    number(&mut body, 1);
    text(&mut body, &address.ip().to_string());
    number(&mut body, i32::from(address.port()));
    body.extend((-1_i16).to_be_bytes());
    number(&mut body, 1);
    number(&mut body, topics.len() as i32);
    for topic in topics {
        body.extend(0_i16.to_be_bytes());
        text(&mut body, topic);
        body.push(0);
        // One partition: no error, number, leader, replicas, those in sync.
        number(&mut body, 1);
        body.extend(0_i16.to_be_bytes());
        [0, 1, 1, 1, 1, 1].into_iter().for_each(|value| number(&mut body, value));
    }
    body
}

fn text(body: &mut Vec<u8>, text: &str) {
    body.extend((text.len() as i16).to_be_bytes());
    body.extend(text.as_bytes());
}
