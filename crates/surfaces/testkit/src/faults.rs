//! A way to an HTTP server on which a test lets things go wrong: between our clients and a real
//! Git server, chart repository, registry or Kubernetes API, on real sockets.

use crate::web::read;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What is passed on at a time.
const PIECE: usize = 16 << 10;
/// How long a silent way keeps a connection, should nobody hang up.
const LONG: Duration = Duration::from_mins(5);

/// What happens to requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// They arrive.
    None,
    /// The connection ends without an answer.
    Drops,
    /// There is never an answer.
    Hangs,
    /// This status is the answer, and the server hears nothing.
    Says(u16),
    /// The answer ends after so many bytes of its body.
    Cuts(usize),
    /// The answer goes no further after so many bytes of its body.
    Stalls(usize),
    /// Each piece of the answer comes so late.
    Slow(Duration),
    /// Three of eight requests are dropped, one after another: whoever needs several in a row gets
    /// through now and then.
    Flaps,
}

/// A running way; it ends when dropped.
pub struct FaultyWay {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    state: Arc<State>,
}

struct State {
    server: String,
    fault: Mutex<Fault>,
    requests: AtomicUsize,
    struck: AtomicUsize,
    stop: AtomicBool,
}

impl FaultyWay {
    /// A way to a server, `http://HOST:PORT`, on which nothing goes wrong yet.
    ///
    /// # Panics
    /// Where there is no free port on loopback.
    pub fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
        let address = listener.local_addr().expect("it has an address");
        let state = Arc::new(State {
            server: server.trim_start_matches("http://").to_owned(),
            fault: Mutex::new(Fault::None),
            requests: AtomicUsize::new(0),
            struck: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        });
        let serving = state.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if serving.stop.load(Ordering::SeqCst) {
                    return;
                }
                let state = serving.clone();
                std::thread::spawn(move || state.serve(&client));
            }
        });
        Self {
            url: format!("http://{address}"),
            state,
        }
    }

    /// What happens from now on, to answers under way too.
    pub fn set(&self, fault: Fault) {
        *self.state.lock() = fault;
        self.state.struck.store(0, Ordering::SeqCst);
    }

    /// Requests that a fault has met since it was set.
    pub fn struck(&self) -> usize {
        self.state.struck.load(Ordering::SeqCst)
    }

    /// Host and port.
    pub fn host(&self) -> &str {
        self.url.trim_start_matches("http://")
    }
}

impl Drop for FaultyWay {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::SeqCst);
        // Wakes the listener; where that fails it is gone already.
        let _ = TcpStream::connect(self.host());
    }
}

impl State {
    fn lock(&self) -> std::sync::MutexGuard<'_, Fault> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fault(&self) -> Fault {
        *self.lock()
    }

    /// One request for each connection, which ends with its answer. Whoever goes away in between
    /// is no failure of ours.
    fn serve(&self, client: &TcpStream) {
        let Some(asked) = read(&mut BufReader::new(client)) else {
            return;
        };
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        let fault = self.fault();
        if fault != Fault::None {
            self.struck.fetch_add(1, Ordering::SeqCst);
        }
        match fault {
            Fault::Drops => {}
            Fault::Flaps if number % 8 < 3 => {}
            Fault::Hangs => self.wait_for(client, fault),
            Fault::Says(status) => say(client, status),
            _ => {
                let Ok(server) = TcpStream::connect(&self.server as &str) else {
                    return;
                };
                let mut head = format!("{} {} HTTP/1.1\r\n", asked.method, asked.target);
                for (name, value) in asked.headers() {
                    if !matches!(name, "connection" | "transfer-encoding" | "content-length") {
                        head.push_str(&format!("{name}: {value}\r\n"));
                    }
                }
                let length = asked.body.len();
                head.push_str(&format!(
                    "content-length: {length}\r\nconnection: close\r\n\r\n"
                ));
                let sent = (&server)
                    .write_all(head.as_bytes())
                    .and_then(|()| (&server).write_all(&asked.body));
                if sent.is_ok() {
                    self.pass_on(&server, client);
                }
                let _ = server.shutdown(Shutdown::Both);
            }
        }
        let _ = client.shutdown(Shutdown::Both);
    }

    /// Passes the answer on, and has it met by what the fault is then.
    fn pass_on(&self, server: &TcpStream, mut client: &TcpStream) {
        let mut reader = BufReader::new(server);
        let Some((head, length)) = read_head(&mut reader) else {
            return;
        };
        if client.write_all(head.as_bytes()).is_err() {
            return;
        }
        // A watch may be silent; what was set meanwhile must reach it all the same.
        let _ = server.set_read_timeout(Some(Duration::from_millis(50)));
        let mut sent = 0;
        let mut piece = vec![0; PIECE];
        while length != Some(sent) {
            let fault = self.fault();
            let wanted = match fault {
                Fault::Drops | Fault::Says(_) => return,
                Fault::Hangs => 0,
                Fault::Cuts(most) | Fault::Stalls(most) => most.saturating_sub(sent).min(PIECE),
                _ => PIECE,
            };
            if wanted == 0 {
                if !matches!(fault, Fault::Cuts(_)) {
                    self.wait_for(client, fault);
                }
                return;
            }
            let count = match reader.read(&mut piece[..wanted]) {
                Ok(0) => return,
                Ok(count) => count,
                Err(error) if is_patience(&error) && !self.stop.load(Ordering::SeqCst) => continue,
                Err(_) => return,
            };
            if let Fault::Slow(delay) = fault {
                std::thread::sleep(delay);
            }
            sent += count;
            if client.write_all(&piece[..count]).is_err() {
                return;
            }
        }
    }

    /// Keeps silent until the fault is another, the way ends, or the client hangs up.
    fn wait_for(&self, client: &TcpStream, fault: Fault) {
        let _ = client.set_read_timeout(Some(Duration::from_millis(20)));
        let begun = std::time::Instant::now();
        while self.fault() == fault && !self.stop.load(Ordering::SeqCst) && begun.elapsed() < LONG {
            match (&*client).read(&mut [0; 64]) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if is_patience(&error) => {}
                Err(_) => return,
            }
        }
    }
}

/// The head of an answer, saying that the connection ends with it, and how long its body is.
fn read_head(reader: &mut impl BufRead) -> Option<(String, Option<usize>)> {
    let (mut head, mut length) = (String::new(), None);
    loop {
        let mut line = String::new();
        reader
            .read_line(&mut line)
            .ok()
            .filter(|count| *count > 0)?;
        let (name, value) = line.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok();
        }
        if line.trim_end().is_empty() {
            head.push_str("connection: close\r\n\r\n");
            return Some((head, length));
        }
        if !name.eq_ignore_ascii_case("connection") {
            head.push_str(&line);
        }
    }
}

fn is_patience(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
    )
}

/// A status as a Kubernetes API, a proxy and a Git host alike could say it.
fn say(mut client: &TcpStream, status: u16) {
    let reason = match status {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        422 => "Invalid",
        429 => "TooManyRequests",
        _ => "InternalError",
    };
    let body = format!(
        r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","message":"the way says {status}","reason":"{reason}","code":{status}}}"#
    );
    let text = format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = client.write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::{Reply, WebServer};

    fn get(url: &str) -> String {
        let mut stream = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
        stream
            .write_all(b"GET /x HTTP/1.1\r\nhost: h\r\n\r\n")
            .unwrap();
        stream
            .set_read_timeout(Some(Duration::from_millis(400)))
            .unwrap();
        let mut text = Vec::new();
        let _ = stream.read_to_end(&mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn each_fault_is_what_it_says_and_ends_with_the_next() {
        let server = WebServer::start(|_| Reply::ok("0123456789"));
        let way = FaultyWay::to(&server.url);
        assert!(get(&way.url).ends_with("\r\n\r\n0123456789"));
        for (fault, end) in [
            (Fault::Drops, ""),
            (Fault::Hangs, ""),
            (Fault::Cuts(4), "\r\n\r\n0123"),
            (Fault::Stalls(3), "\r\n\r\n012"),
            (Fault::Slow(Duration::from_millis(1)), "0123456789"),
        ] {
            way.set(fault);
            let text = get(&way.url);
            assert!(text.ends_with(end), "{fault:?}: {text}");
            assert_eq!(text.is_empty(), end.is_empty(), "{fault:?}: {text}");
            assert_eq!(way.struck(), 1, "{fault:?}");
        }
        way.set(Fault::Says(429));
        assert!(get(&way.url).starts_with("HTTP/1.1 429 TooManyRequests\r\n"));
        way.set(Fault::Flaps);
        let eight: Vec<String> = (0..8).map(|_| get(&way.url)).collect();
        assert_eq!(eight.iter().filter(|text| text.is_empty()).count(), 3);
        way.set(Fault::None);
        assert!(get(&way.url).ends_with("0123456789"));
    }
}
