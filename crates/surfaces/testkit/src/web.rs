//! A web server on loopback whose answers a test decides, bad manners included.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Largest body of a request.
const MAX_BODY: usize = 64 << 20;
/// What an endless answer ends at, should nobody hang up.
const MAX_ENDLESS: usize = 4 << 30;

/// A running server; it ends when dropped.
pub struct WebServer {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    state: Arc<State>,
}

/// A request.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// `GET` and so on.
    pub method: String,
    /// Path and query.
    pub target: String,
    headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Content,
}

/// The body of an answer.
#[derive(Clone, Debug)]
pub enum Content {
    /// These bytes.
    Bytes(Vec<u8>),
    /// These bytes over and over, until the client hangs up.
    Endless(Vec<u8>),
    /// Fewer bytes than were announced.
    Cut(Vec<u8>),
}

type Answer = dyn Fn(&Asked) -> Reply + Send + Sync;

struct State {
    answer: Box<Answer>,
    asked: Mutex<Vec<Asked>>,
    stop: AtomicBool,
}

impl Asked {
    /// A header's value; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// All headers, their names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Reply {
    /// 200 with these bytes.
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::status(200, body)
    }

    /// A status with these bytes.
    pub fn status(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Content::Bytes(body.into()),
        }
    }

    /// With one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl WebServer {
    /// Starts a server.
    ///
    /// # Panics
    /// Where there is no free port on loopback.
    pub fn start(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
        let address = listener.local_addr().expect("it has an address");
        let state = Arc::new(State {
            answer: Box::new(answer),
            asked: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let serving = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if serving.stop.load(Ordering::SeqCst) {
                    return;
                }
                let state = serving.clone();
                std::thread::spawn(move || state.serve(&stream));
            }
        });
        Self {
            url: format!("http://{address}"),
            state,
        }
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        let asked = self.state.asked.lock();
        asked.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often this path, query included, was asked for.
    pub fn count(&self, target: &str) -> usize {
        let asked = self.asked();
        asked.iter().filter(|asked| asked.target == target).count()
    }

    /// Host and port.
    pub fn host(&self) -> &str {
        self.url.trim_start_matches("http://")
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::SeqCst);
        // Wakes the listener; where that fails it is gone already.
        let _ = TcpStream::connect(self.host());
    }
}

impl State {
    fn serve(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some(asked) = read(&mut reader) {
            let reply = (self.answer)(&asked);
            let is_head = asked.method == "HEAD";
            self.asked
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(asked);
            if !write(stream, &reply, is_head) {
                return;
            }
        }
    }
}

pub(crate) fn read(reader: &mut BufReader<&TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    reader
        .read_line(&mut line)
        .ok()
        .filter(|count| *count > 0)?;
    let mut words = line.split_whitespace();
    let mut asked = Asked {
        method: words.next()?.to_owned(),
        target: words.next()?.to_owned(),
        ..Asked::default()
    };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        asked
            .headers
            .push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    if asked.header("transfer-encoding") == "chunked" {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let size = usize::from_str_radix(line.trim(), 16).ok()?;
            let mut chunk = vec![0; size.min(MAX_BODY) + 2];
            reader.read_exact(&mut chunk).ok()?;
            chunk.truncate(size);
            asked.body.extend(chunk);
            if size == 0 {
                return Some(asked);
            }
        }
    }
    let length = asked.header("content-length").parse().unwrap_or(0);
    asked.body = vec![0; usize::min(length, MAX_BODY)];
    reader.read_exact(&mut asked.body).ok()?;
    Some(asked)
}

/// Whether the connection goes on.
fn write(mut stream: &TcpStream, reply: &Reply, is_head: bool) -> bool {
    let reason = match reply.status {
        200 => "OK",
        302 => "Found",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        401 => "Unauthorized",
        404 => "Not Found",
        _ => "Told",
    };
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let length = match &reply.body {
        Content::Bytes(bytes) => Some(bytes.len()),
        Content::Cut(bytes) => Some(bytes.len() + 1000),
        Content::Endless(_) => None,
    };
    match length {
        Some(length) => head.push_str(&format!("content-length: {length}\r\n\r\n")),
        None => head.push_str("connection: close\r\n\r\n"),
    }
    let is_fine = stream.write_all(head.as_bytes()).is_ok();
    if is_head || !is_fine {
        return is_fine;
    }
    match &reply.body {
        Content::Bytes(bytes) => stream.write_all(bytes).is_ok(),
        Content::Cut(bytes) => {
            // The client has what there is, or is gone.
            let _ = stream.write_all(bytes);
            let _ = stream.shutdown(std::net::Shutdown::Both);
            false
        }
        Content::Endless(bytes) => {
            let mut sent = 0;
            while sent < MAX_ENDLESS && stream.write_all(bytes).is_ok() {
                sent += bytes.len().max(1);
            }
            let _ = stream.shutdown(std::net::Shutdown::Both);
            false
        }
    }
}
