//! The tungstenite client, in the test's own process.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};

use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::{CloseFrame, Message};
use tungstenite::{Error, WebSocket};

use crate::netns::Namespace;

/// An open WebSocket connection.
#[derive(Debug)]
pub struct WsClient {
    /// The socket, for what the methods here do not cover.
    pub socket: WebSocket<TcpStream>,
    /// The client's own address.
    pub address: SocketAddr,
}

impl WsClient {
    /// Connects from `host` and upgrades.
    ///
    /// # Panics
    ///
    /// If the handshake does not succeed.
    #[must_use]
    pub fn connect(host: &Namespace, to: SocketAddr) -> Self {
        Self::try_connect(host, to).unwrap_or_else(|error| panic!("WebSocket to {to}: {error}"))
    }

    /// Connects from `host` and upgrades.
    ///
    /// # Errors
    ///
    /// If nobody accepts, or the handshake does not succeed.
    pub fn try_connect(host: &Namespace, to: SocketAddr) -> anyhow::Result<Self> {
        Self::upgrade(host.connect(to)?, to)
    }

    /// Upgrades an open connection.
    ///
    /// # Errors
    ///
    /// If the handshake does not succeed.
    pub fn upgrade(stream: TcpStream, to: SocketAddr) -> anyhow::Result<Self> {
        let address = stream.local_addr()?;
        let (socket, _) = tungstenite::client(format!("ws://{to}/chat"), stream)
            .map_err(|error| anyhow::anyhow!("handshake: {error}"))?;
        Ok(Self { socket, address })
    }

    /// Sends one message.
    ///
    /// # Panics
    ///
    /// If the server does not take it.
    pub fn send(&mut self, message: Message) {
        self.socket.send(message).expect("the server takes the message");
    }

    /// Sends a text message.
    ///
    /// # Panics
    ///
    /// As [`Self::send`].
    pub fn send_text(&mut self, text: &str) {
        self.send(Message::text(text));
    }

    /// Sends one message in fragments with a ping between any two of them.
    ///
    /// # Panics
    ///
    /// As [`Self::send`].
    pub fn send_fragments(&mut self, kind: Data, fragments: &[&[u8]]) {
        for (index, fragment) in fragments.iter().enumerate() {
            let opcode = if index == 0 { kind } else { Data::Continue };
            let last = index + 1 == fragments.len();
            self.send(Message::Frame(Frame::message(fragment.to_vec(), OpCode::Data(opcode), last)));
            if !last {
                self.send(Message::Ping(format!("between {index}").into()));
            }
        }
    }

    /// The next text or binary message; pings and pongs are passed over.
    ///
    /// # Panics
    ///
    /// If the connection ends or nothing comes in time.
    pub fn receive(&mut self) -> Message {
        loop {
            match self.socket.read().expect("a message") {
                Message::Ping(_) | Message::Pong(_) => {}
                message @ (Message::Text(_) | Message::Binary(_)) => return message,
                other @ (Message::Close(_) | Message::Frame(_)) => panic!("{other:?} instead of a message"),
            }
        }
    }

    /// Sends `text` and checks that it comes back.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub fn echo(&mut self, text: &str) {
        self.send_text(text);
        let answer = self.receive();
        assert!(answer.is_text(), "{answer:?}");
        assert_eq!(answer.to_text().expect("UTF-8"), text);
    }

    /// Reads on until the server's Close frame and then the end of the stream, which must be a clean one, and closes
    /// the connection. Gives the Close frame, if it had a body.
    ///
    /// # Panics
    ///
    /// If the connection ends in another way, or messages come that nobody asked for.
    pub fn wait_close(&mut self) -> Option<CloseFrame> {
        let frame = loop {
            match self.socket.read() {
                Ok(Message::Close(frame)) => break frame,
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("{other:?} instead of a Close frame"),
            }
        };
        match self.socket.read() {
            Err(Error::ConnectionClosed) => {}
            other => panic!("{other:?} instead of the end of the stream after Close"),
        }
        // As every client does now; the server may have reset its side already.
        drop(self.socket.get_ref().shutdown(Shutdown::Both));
        frame
    }

    /// Checks that the server's side ends the connection with 1008 and a short reason, and gives the reason.
    ///
    /// # Panics
    ///
    /// As [`Self::wait_close`].
    pub fn wait_blocked(&mut self) -> String {
        let frame = self.wait_close().expect("a Close frame with a status code");
        assert_eq!(frame.code, CloseCode::Policy, "{frame:?}");
        let reason = frame.reason.to_string();
        assert!((1..=123).contains(&reason.len()), "reason of {} bytes: {reason:?}", reason.len());
        reason
    }

    /// Closes with 1000 and waits for the answer and the end of the stream.
    ///
    /// # Panics
    ///
    /// If the server does not answer in kind.
    pub fn close(mut self) {
        let frame = CloseFrame { code: CloseCode::Normal, reason: "done".into() };
        self.socket.close(Some(frame)).expect("the server takes the Close frame");
        let answer = self.wait_close().expect("a Close frame with a status code");
        assert_eq!(answer.code, CloseCode::Normal);
    }

    /// Whether the connection has ended or ends now, by FIN or RST; data on the way is dropped.
    ///
    /// # Panics
    ///
    /// If it neither ends nor anything comes in time.
    pub fn wait_end(&mut self) {
        loop {
            match self.socket.read() {
                Ok(_) => {}
                Err(Error::Io(error))
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) =>
                {
                    panic!("the connection does not end")
                }
                Err(_) => return,
            }
        }
    }
}
