//! Connections that end when their answer is not read: it would stay in memory for as long as they last.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::TcpStream;
use tokio_io_timeout::TimeoutStream;

/// A listener whose connections wait so long for the other side to take a piece of an answer.
pub(crate) struct Patient<L> {
    pub(crate) listener: L,
    pub(crate) patience: Duration,
}

impl<L: Listener<Io = TcpStream>> Listener for Patient<L> {
    type Io = Pin<Box<TimeoutStream<TcpStream>>>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = self.listener.accept().await;
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.patience));
        (Box::pin(stream), address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
