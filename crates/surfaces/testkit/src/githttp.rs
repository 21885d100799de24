//! A smart-HTTP Git server on loopback: `git http-backend` behind a small HTTP server.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)] // all of it is test code

use base64::Engine;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A running server; it ends when dropped.
pub struct GitServer {
    /// The URL that repositories' names come after.
    pub url: String,
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<State>,
}

struct State {
    root: PathBuf,
    login: Option<(String, String)>,
    requests: AtomicUsize,
    fetches: AtomicUsize,
    seen_authorization: Mutex<Vec<String>>,
    down: AtomicBool,
    cut: AtomicBool,
    redirect: Mutex<Option<String>>,
    stop: AtomicBool,
}

struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map_or("", |(_, value)| value)
    }
}

impl GitServer {
    /// Serves the bare repositories under `root`, with a login where one is given.
    pub fn start(root: &Path, login: Option<(&str, &str)>) -> Self {
        Self::start_with(root, login, None)
    }

    /// As [`GitServer::start`], over TLS.
    pub fn start_tls(root: &Path, tls: Arc<rustls::ServerConfig>) -> Self {
        Self::start_with(root, None, Some(tls))
    }

    fn start_with(
        root: &Path,
        login: Option<(&str, &str)>,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{address}");
        let state = Arc::new(State {
            root: root.to_owned(),
            login: login.map(|(user, password)| (user.into(), password.into())),
            requests: AtomicUsize::new(0),
            fetches: AtomicUsize::new(0),
            seen_authorization: Mutex::default(),
            down: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            redirect: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let serving = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if serving.stop.load(Ordering::Relaxed) {
                    return;
                }
                let (state, tls) = (serving.clone(), tls.clone());
                std::thread::spawn(move || match tls {
                    None => state.serve(stream),
                    Some(tls) => {
                        let connection = rustls::ServerConnection::new(tls).unwrap();
                        state.serve(rustls::StreamOwned::new(connection, stream));
                    }
                });
            }
        });
        Self {
            url,
            address,
            state,
        }
    }

    /// Requests so far.
    pub fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }

    /// Looks at the references so far.
    pub fn fetches(&self) -> usize {
        self.state.fetches.load(Ordering::SeqCst)
    }

    /// Answers 503 from now on, or no more.
    pub fn set_down(&self, down: bool) {
        self.state.down.store(down, Ordering::SeqCst);
    }

    /// Breaks packs off in the middle from now on, or no more.
    pub fn set_cut(&self, cut: bool) {
        self.state.cut.store(cut, Ordering::SeqCst);
    }

    /// Redirects the first request of a fetch to another server.
    pub fn redirect_to(&self, base: &str) {
        *self.state.redirect.lock().unwrap() = Some(base.to_owned());
    }

    /// The `Authorization` headers seen.
    pub fn authorizations(&self) -> Vec<String> {
        self.state.seen_authorization.lock().unwrap().clone()
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

impl State {
    fn serve(&self, stream: impl Read + Write) {
        let mut reader = BufReader::new(stream);
        while let Some(request) = read_request(&mut reader) {
            self.requests.fetch_add(1, Ordering::SeqCst);
            if request.target.contains("/info/refs") {
                self.fetches.fetch_add(1, Ordering::SeqCst);
            }
            let answer = self.answer(&request);
            let cut = self.cut.load(Ordering::SeqCst)
                && request.target.ends_with("git-upload-pack")
                && answer.len() > 600;
            let end = if cut { answer.len() / 2 } else { answer.len() };
            let stream = reader.get_mut();
            let sent = stream
                .write_all(&answer[..end])
                .and_then(|()| stream.flush());
            if sent.is_err() || cut {
                return;
            }
        }
    }

    fn answer(&self, request: &Request) -> Vec<u8> {
        let authorization = request.header("authorization");
        if !authorization.is_empty() {
            let mut seen = self.seen_authorization.lock().unwrap();
            seen.push(authorization.to_owned());
        }
        if self.down.load(Ordering::SeqCst) {
            return response("503 Service Unavailable", "", b"down");
        }
        if let Some(base) = &*self.redirect.lock().unwrap() {
            let location = format!("Location: {base}{}\r\n", request.target);
            return response("302 Found", &location, b"");
        }
        if let Some((user, password)) = &self.login {
            let token =
                base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
            if authorization != format!("Basic {token}") {
                let ask = "WWW-Authenticate: Basic realm=\"git\"\r\n";
                return response("401 Unauthorized", ask, b"");
            }
        }
        self.backend(request)
    }

    fn backend(&self, request: &Request) -> Vec<u8> {
        let (path, query) = request
            .target
            .split_once('?')
            .unwrap_or((&request.target, ""));
        let mut child = Command::new("git")
            .arg("http-backend")
            .env("GIT_PROJECT_ROOT", &self.root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "safe.directory")
            .env("GIT_CONFIG_VALUE_0", "*")
            .env("GIT_PROTOCOL", request.header("git-protocol"))
            .env("REQUEST_METHOD", &request.method)
            .env("PATH_INFO", path)
            .env("QUERY_STRING", query)
            .env("CONTENT_TYPE", request.header("content-type"))
            .env("CONTENT_LENGTH", request.body.len().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(&request.body)
            .unwrap();
        let output = child.wait_with_output().unwrap().stdout;
        let end = output.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&output[..end]).into_owned();
        let status = head
            .lines()
            .find_map(|line| line.strip_prefix("Status: "))
            .unwrap_or("200 OK");
        let headers: String = head
            .lines()
            .filter(|line| !line.starts_with("Status:"))
            .flat_map(|line| [line, "\r\n"])
            .collect();
        response(status, &headers, &output[end + 4..])
    }
}

fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn read_request(reader: &mut BufReader<impl Read>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request {
        method,
        target,
        headers,
        body: Vec::new(),
    };
    if request.header("transfer-encoding") == "chunked" {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size).ok()?;
            let size = usize::from_str_radix(size.trim(), 16).ok()?;
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk).ok()?;
            if size == 0 {
                break;
            }
            request.body.extend_from_slice(&chunk[..size]);
        }
    } else if let Ok(length) = request.header("content-length").parse() {
        request.body = vec![0; length];
        reader.read_exact(&mut request.body).ok()?;
    }
    Some(request)
}
