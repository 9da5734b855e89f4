//! A lean Socket.IO client: one TCP stream, frames by hand, no copy of what it reads.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes asked for at once.
const READ: usize = 64 * 1024;
const UPGRADE: &str = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: bench\r\n\
    connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// One transport.
pub(super) struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// What of the buffer has been handed out.
    read: usize,
}

impl Wire {
    /// Connects and presents `auth`; what comes next is `connection:ack`, or a refusal.
    pub(super) async fn connect(address: &str, auth: &Value) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("connecting")?;
        stream.set_nodelay(true)?;
        let mut wire = Self {
            stream,
            buffer: Vec::with_capacity(READ),
            read: 0,
        };
        wire.stream.write_all(UPGRADE.as_bytes()).await?;
        let end = loop {
            if let Some(end) = wire.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break end + 4;
            }
            wire.fill().await?;
        };
        if !wire.buffer.starts_with(b"HTTP/1.1 101") {
            bail!("no upgrade: {}", String::from_utf8_lossy(&wire.buffer));
        }
        wire.read = end;
        if !wire.next().await?.starts_with(b"0{") {
            bail!("no open packet");
        }
        wire.say(&format!("40{auth}")).await?;
        Ok(wire)
    }

    async fn fill(&mut self) -> Result<()> {
        if self.read > 0 {
            self.buffer.drain(..self.read);
            self.read = 0;
        }
        self.buffer.reserve(READ);
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the transport ended");
        }
        Ok(())
    }

    /// Sends a text frame.
    pub(super) async fn say(&mut self, text: &str) -> Result<()> {
        let mut frame = vec![0x81];
        match u16::try_from(text.len()) {
            Ok(short @ 0..=125) => frame.push(0x80 | short.to_le_bytes()[0]),
            Ok(middle) => {
                frame.push(0x80 | 0x7e);
                frame.extend(middle.to_be_bytes());
            }
            Err(_) => bail!("too much to say"),
        }
        // A mask of zeros leaves the text as it is.
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        Ok(self.stream.write_all(&frame).await?)
    }

    /// The next text, heartbeats answered; an error once the transport has ended.
    pub(super) async fn next(&mut self) -> Result<&[u8]> {
        loop {
            let Some((opcode, start, end)) = self.frame() else {
                self.fill().await?;
                continue;
            };
            self.read = end;
            match opcode {
                1 if self.buffer[start..end] == *b"2" => self.say("3").await?,
                1 => return Ok(&self.buffer[start..end]),
                8 => bail!("closed"),
                _ => {}
            }
        }
    }

    /// A whole frame in the buffer: its opcode, and where its payload is.
    fn frame(&self) -> Option<(u8, usize, usize)> {
        let unread = self.buffer.get(self.read..)?;
        let (first, second) = (*unread.first()?, *unread.get(1)?);
        let (header, length) = match second & 0x7f {
            0x7e => (
                4,
                u64::from(u16::from_be_bytes(unread.get(2..4)?.try_into().ok()?)),
            ),
            0x7f => (10, u64::from_be_bytes(unread.get(2..10)?.try_into().ok()?)),
            short => (2, u64::from(short)),
        };
        let start = self.read + header;
        let end = start + usize::try_from(length).ok()?;
        (end <= self.buffer.len()).then_some((first & 0x0f, start, end))
    }
}

/// One HTTP request on a connection of its own: status and body.
pub(super) async fn request(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<(u16, String)> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    let length = body.len();
    let length = length.to_string();
    head.extend([
        "content-type: application/json\r\ncontent-length: ",
        &length,
        "\r\n\r\n",
    ]);
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8(answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Ok((status.context("no status")?, body.to_owned()))
}
