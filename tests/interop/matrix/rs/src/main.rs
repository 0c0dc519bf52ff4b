//! A client of one of the libraries of crates.io that does what matrix.py asks for: client LIBRARY URL. See ../../client.py.

use std::time::Duration;

use fastwebsockets::{handshake, FragmentCollector, Frame, OpCode, Payload};
use hyper::header::{CONNECTION, UPGRADE};
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::frame::coding::{Data, OpCode as Code};
use tungstenite::protocol::{frame, CloseFrame};
use tungstenite::Message;

const OFFERED: &str = "chat.v9, chat.v2";
const GOODBYE: (u16, &str) = (4005, "bye ✓");

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn parts() -> [Vec<u8>; 3] {
    ["f".repeat(70_000).into(), "r".repeat(10).into(), "ä".repeat(1000).into()]
}

fn closed(code: u16, reason: &str) -> ! {
    println!("{}", format!("closed {} {}", code, reason).trim_end());
    std::process::exit(0)
}

fn tungstenite_client(url: &str) -> Outcome {
    let mut request = url.into_client_request()?;
    request.headers_mut().insert("Sec-WebSocket-Protocol", OFFERED.parse()?);
    let (mut c, response) = tungstenite::connect(request)?;
    let chosen = response.headers().get("Sec-WebSocket-Protocol").map_or("", |v| v.to_str().unwrap_or(""));
    c.send(Message::text(format!("hello {}", chosen)))?;
    loop {
        match c.read()? {
            Message::Close(Some(f)) => {
                while c.flush().is_ok() && c.read().is_ok() {} // the reply to it
                closed(f.code.into(), &f.reason)
            }
            Message::Close(None) => closed(1005, ""),
            Message::Text(t) if t == "!close" => c.close(Some(CloseFrame { code: GOODBYE.0.into(), reason: GOODBYE.1.into() }))?,
            Message::Text(t) if t == "!fragments" => {
                for (i, part) in parts().into_iter().enumerate() {
                    let kind = if i == 0 { Data::Text } else { Data::Continue };
                    c.send(Message::Frame(frame::Frame::message(part, Code::Data(kind), i == 2)))?;
                }
            }
            m if m.is_text() || m.is_binary() => c.send(m)?,
            _ => {}
        }
    }
}

struct Spawn;

impl<F> hyper::rt::Executor<F> for Spawn
where
    F: std::future::Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, f: F) {
        tokio::task::spawn(f);
    }
}

/// `whole`: the request names the whole URL, as in the library's README, and not the path alone.
async fn fastwebsockets_client(url: &str, whole: bool) -> Outcome {
    let uri: hyper::Uri = url.replacen("ws:", "http:", 1).parse()?;
    let authority = uri.authority().ok_or("a URL without host")?.to_string();
    let target = if whole { uri.to_string() } else { uri.path().to_string() };
    let request = hyper::Request::get(target)
        .header("Host", &authority)
        .header(UPGRADE, "websocket")
        .header(CONNECTION, "upgrade")
        .header("Sec-WebSocket-Key", handshake::generate_key())
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Protocol", OFFERED)
        .body(hyper::Body::empty())?;
    let (mut ws, response) = handshake::client(&Spawn, request, tokio::net::TcpStream::connect(&authority).await?).await?;
    ws.set_auto_close(true);
    ws.set_auto_pong(true);
    let mut c = FragmentCollector::new(ws);
    let chosen = response.headers().get("Sec-WebSocket-Protocol").map_or("", |v| v.to_str().unwrap_or(""));
    c.write_frame(Frame::text(Payload::Owned(format!("hello {}", chosen).into()))).await?;
    loop {
        let f = c.read_frame().await?;
        match (f.opcode, &f.payload[..]) {
            (OpCode::Close, how) if how.len() >= 2 => closed(u16::from_be_bytes([how[0], how[1]]), std::str::from_utf8(&how[2..])?),
            (OpCode::Close, _) => closed(1005, ""),
            (OpCode::Text, b"!close") => c.write_frame(Frame::close(GOODBYE.0, GOODBYE.1.as_bytes())).await?,
            (OpCode::Text, b"!fragments") => {
                for (i, part) in parts().into_iter().enumerate() {
                    let kind = if i == 0 { OpCode::Text } else { OpCode::Continuation };
                    c.write_frame(Frame::new(i == 2, kind, None, Payload::Owned(part))).await?;
                }
            }
            (OpCode::Text, data) => c.write_frame(Frame::text(Payload::Owned(data.to_vec()))).await?,
            (OpCode::Binary, data) => c.write_frame(Frame::binary(Payload::Owned(data.to_vec()))).await?,
            _ => {}
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let (library, url) = (arguments[1].as_str(), arguments[2].as_str());
    loop {
        let outcome = match library {
            "tungstenite" => tungstenite_client(url),
            "fastwebsockets" => fastwebsockets_client(url, false).await,
            "fastwebsockets-url" => fastwebsockets_client(url, true).await,
            _ => panic!("unknown library {}", library),
        };
        if let Err(e) = outcome {
            eprintln!("! {}", e);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
