//! WebSocket by hand over a blocking socket: what no library would send.

use crate::house::House;
use serde_json::Value;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Longest wait for a frame.
const WITHIN: Duration = Duration::from_secs(20);

/// One frame as it arrived.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Frame {
    pub(super) opcode: u8,
    pub(super) payload: Vec<u8>,
}

/// One transport.
pub(super) struct Client {
    pub(super) stream: TcpStream,
    buffer: Vec<u8>,
}

fn lines(headers: &[(&str, &str)]) -> String {
    headers
        .iter()
        .flat_map(|(name, value)| [name, ": ", value, "\r\n"])
        .collect()
}

/// The head of an answer, and its body.
pub(super) fn http(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(WITHIN)).unwrap();
    let more = lines(headers);
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: test\r\n{more}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// The bytes of a frame of a client.
pub(super) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | u8::try_from(short).unwrap()),
        middle @ 126..=65_535 => {
            bytes.push(0x80 | 0x7e);
            bytes.extend(u16::try_from(middle).unwrap().to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 0x7f);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    let mask = [0x11, 0x22, 0x33, 0x44];
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m));
    bytes
}

impl Client {
    /// Upgrades; the status line if the server does not.
    pub(super) fn upgrade(
        address: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, String> {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let more = lines(headers);
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
        )
        .unwrap();
        let mut client = Self::of(stream);
        let begun = Instant::now();
        let end = loop {
            let found = client.buffer.windows(4).position(|w| w == b"\r\n\r\n");
            if let Some(end) = found {
                break end + 4;
            }
            if begun.elapsed() > WITHIN || !client.fill(WITHIN) {
                return Err("no answer".to_owned());
            }
        };
        let head = String::from_utf8(client.buffer.drain(..end).collect()).unwrap();
        if head.starts_with("HTTP/1.1 101") {
            Ok(client)
        } else {
            Err(head)
        }
    }

    /// Whatever has been connected.
    pub(super) fn of(stream: TcpStream) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// A Socket.IO transport that has not said who it is.
    pub(super) fn anonymous(house: &House) -> Self {
        let path = "/socket.io/?EIO=4&transport=websocket";
        let mut client = Self::upgrade(house.address(), path, &[]).unwrap();
        client.text_that(|text| text.starts_with("0{"));
        client
    }

    /// A Socket.IO connection of the owner.
    pub(super) fn connected(house: &House) -> Self {
        let mut client = Self::anonymous(house);
        let token = house.fact("owner_token");
        client.say(&format!("40{{\"token\":\"{token}\"}}"));
        client.text_that(|text| text.starts_with("42[\"connection:ack\""));
        client
    }

    /// A plain WebSocket of the owner.
    pub(super) fn streaming(house: &House, query: &str) -> Self {
        let bearer = format!("Bearer {}", house.fact("owner_token"));
        let path = format!("/api/v1/stream{query}");
        let headers = [("authorization", bearer.as_str())];
        let mut client = Self::upgrade(house.address(), &path, &headers).unwrap();
        client.text_that(|text| text.contains("connection:ack"));
        client
    }

    /// Sends bytes as they are; whether the other side still takes them.
    pub(super) fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.set_write_timeout(Some(WITHIN)).unwrap();
        self.stream.write_all(bytes).is_ok()
    }

    /// Sends a text frame; whether the other side still takes it.
    pub(super) fn try_say(&mut self, text: &str) -> bool {
        self.send(&frame(0x81, text.as_bytes()))
    }

    pub(super) fn say(&mut self, text: &str) {
        assert!(self.try_say(text), "the transport has ended");
    }

    /// Reads more; false once the other side has ended, or after the wait.
    fn fill(&mut self, wait: Duration) -> bool {
        self.stream.set_read_timeout(Some(wait)).unwrap();
        let mut chunk = [0; 16 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(0) | Err(_) => false,
            Ok(read) => {
                self.buffer.extend(&chunk[..read]);
                true
            }
        }
    }

    /// A whole frame of what has been read.
    fn parse(&mut self) -> Option<Frame> {
        let (first, second) = (*self.buffer.first()?, *self.buffer.get(1)?);
        let (start, length) = match second & 0x7f {
            0x7e => (
                4,
                u64::from(u16::from_be_bytes(self.buffer.get(2..4)?.try_into().ok()?)),
            ),
            0x7f => (
                10,
                u64::from_be_bytes(self.buffer.get(2..10)?.try_into().ok()?),
            ),
            short => (2, u64::from(short)),
        };
        let end = start + usize::try_from(length).unwrap();
        let payload = self.buffer.get(start..end)?.to_vec();
        self.buffer.drain(..end);
        Some(Frame {
            opcode: first & 0x0f,
            payload,
        })
    }

    /// The next frame; none once the transport has ended or nothing came.
    pub(super) fn next(&mut self, wait: Duration) -> Option<Frame> {
        loop {
            if let Some(frame) = self.parse() {
                return Some(frame);
            }
            if !self.fill(wait) {
                return None;
            }
        }
    }

    /// The first text that fits; heartbeats are answered.
    pub(super) fn text_that(&mut self, fits: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        let mut others = Vec::new();
        while begun.elapsed() < WITHIN {
            let Some(frame) = self.next(WITHIN) else {
                panic!("it ended after {others:?}");
            };
            if frame.opcode != 1 {
                continue;
            }
            let text = String::from_utf8(frame.payload).unwrap();
            if text == "2" {
                self.say("3");
            } else if fits(&text) {
                return text;
            } else {
                others.push(text);
            }
        }
        panic!("waited in vain; it said {others:?}");
    }

    /// Every text until the transport ends, or until nothing came for the wait.
    pub(super) fn rest(&mut self, wait: Duration) -> (Vec<String>, bool) {
        let mut texts = Vec::new();
        let ended = loop {
            while let Some(frame) = self.parse() {
                match frame.opcode {
                    1 => texts.push(String::from_utf8(frame.payload).unwrap()),
                    8 => texts.push(format!("close {}", close_code(&frame.payload))),
                    _ => {}
                }
            }
            self.stream.set_read_timeout(Some(wait)).unwrap();
            let mut chunk = [0; 16 * 1024];
            match self.stream.read(&mut chunk) {
                Ok(0) => break true,
                Ok(read) => self.buffer.extend(&chunk[..read]),
                Err(error) => {
                    let quiet = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                    break !quiet;
                }
            }
        };
        (texts, ended)
    }

    /// Waits until the other side has ended the transport; how long that took.
    pub(super) fn ends_within(&mut self, limit: Duration) -> Duration {
        let begun = Instant::now();
        while begun.elapsed() < limit {
            let (_, ended) = self.rest(Duration::from_millis(200));
            if ended {
                return begun.elapsed();
            }
        }
        panic!("the transport is open after {limit:?}");
    }

    /// The answer to a plain WebSocket's command.
    pub(super) fn result(&mut self, id: u32) -> Value {
        let begins = format!("{{\"id\":{id},");
        let text = self.text_that(|text| text.starts_with(&begins));
        let value: Value = serde_json::from_str(&text).unwrap();
        value["result"].clone()
    }
}

fn close_code(payload: &[u8]) -> u16 {
    payload
        .get(..2)
        .map_or(0, |code| u16::from_be_bytes([code[0], code[1]]))
}
