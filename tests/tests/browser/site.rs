//! The page's server in a thread of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread::JoinHandle;
use tokio::sync::oneshot;
use transit_dashboard::{Hub, Options, Server};

/// A running server. Dropping it stops it.
pub struct Site {
    pub hub: Hub,
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Site {
    /// A server on a free port, knowing nothing yet.
    pub fn start() -> Site {
        Site::start_with(Options::default())
    }

    /// A server on a free port with limits of its own.
    pub fn start_with(options: Options) -> Site {
        Site::run(Options { listen: ([127, 0, 0, 1], 0).into(), ..options })
    }

    /// A server at a certain address.
    pub fn start_at(listen: SocketAddr) -> Site {
        Site::run(Options { listen, ..Options::default() })
    }

    fn run(options: Options) -> Site {
        let hub = Hub::new();
        let (stop, stopped) = oneshot::channel::<()>();
        let (started, start) = mpsc::channel();
        let options = Options { publish_every_ms: 20, ..options };
        let shared = hub.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let server = Server::bind(shared, options).await.expect("the port is free");
                started.send(server.address()).expect("the test waits for it");
                server.run(async { drop(stopped.await) }).await;
            });
        });
        let address = start.recv().expect("the server starts");
        Site { hub, address, stop: Some(stop), thread: Some(thread) }
    }
}

impl Site {
    /// What the server says of itself.
    pub fn metrics(&self) -> String {
        let mut stream = TcpStream::connect(self.address).expect("the server listens");
        let request = b"GET /metrics HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
        stream.write_all(request).expect("it can be asked");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.take().map(|stop| stop.send(()));
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(ended.is_none_or(|ended| ended.is_ok()) || std::thread::panicking(), "the server panicked");
    }
}
