//! A connection that is closed when its peer takes nothing for too long.
//!
//! Without it a watcher that went away without a word would keep its place until the system gives the connection up.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// A stream whose writes fail after having been pending for `limit`.
#[derive(Debug)]
pub(super) struct StallLimit<S> {
    stream: S,
    limit: Duration,
    pending_since: Option<Pin<Box<Sleep>>>,
}

impl<S> StallLimit<S> {
    pub(super) fn new(stream: S, limit: Duration) -> Self {
        StallLimit { stream, limit, pending_since: None }
    }

    /// Passes on what is ready, and fails what has been pending for too long.
    fn limited<T>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.pending_since = None;
            return poll;
        }
        let limit = self.limit;
        let alarm =
            self.pending_since.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + limit)));
        ready!(alarm.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for StallLimit<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StallLimit<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.limited(cx, poll)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::future::poll_fn;

    /// Takes what the script says; pending where it says nothing.
    struct Script(VecDeque<Option<usize>>);

    impl AsyncWrite for Script {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            self.0.pop_front().flatten().map_or(Poll::Pending, |taken| Poll::Ready(Ok(taken)))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn run<T>(test: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(test)
    }

    #[test]
    fn a_peer_that_takes_nothing_is_given_up() {
        let mut stream = StallLimit::new(Script(VecDeque::new()), Duration::from_millis(1));
        let written = run(poll_fn(|cx| Pin::new(&mut stream).poll_write(cx, b"unwanted")));
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_peer_that_takes_something_has_its_full_time_again() {
        let script = Script([None, Some(3)].into());
        let mut stream = StallLimit::new(script, Duration::from_secs(3600));
        run(poll_fn(|cx| {
            assert!(Pin::new(&mut stream).poll_write(cx, b"bytes").is_pending());
            assert!(stream.pending_since.is_some());
            assert!(matches!(Pin::new(&mut stream).poll_write(cx, b"bytes"), Poll::Ready(Ok(3))));
            assert!(stream.pending_since.is_none(), "the next wait starts from nothing");
            Poll::Ready(())
        }));
    }
}
