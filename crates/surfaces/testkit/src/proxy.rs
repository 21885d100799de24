//! A real proxy on loopback: HTTP's CONNECT and SOCKS 5, both with a name and password, for hosts
//! that only it knows.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)] // all of it is test code

use base64::Engine as _;
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// A running proxy; it ends when dropped.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    hosts: HashMap<String, SocketAddr>,
    login: (String, String),
    asked: Mutex<Vec<String>>,
    has_ended: AtomicBool,
}

impl Proxy {
    /// Starts a proxy that leads these hosts to these addresses, for whoever has the login.
    pub fn start(hosts: &[(&str, SocketAddr)], user: &str, password: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            hosts: hosts
                .iter()
                .map(|(host, to)| ((*host).to_owned(), *to))
                .collect(),
            login: (user.into(), password.into()),
            asked: Mutex::default(),
            has_ended: AtomicBool::new(false),
        });
        let serving = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if serving.has_ended.load(Ordering::SeqCst) {
                    return;
                }
                let state = serving.clone();
                // A client that breaks off has what it wanted.
                std::thread::spawn(move || state.serve(stream));
            }
        });
        Self { address, state }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The hosts and ports that were asked for, with how.
    pub fn asked(&self) -> Vec<String> {
        self.state.asked.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.has_ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address); // wakes the listener
    }
}

impl State {
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        let mut first = [0];
        client.read_exact(&mut first)?;
        let to = if first[0] == 5 {
            self.socks(&mut client)?
        } else {
            self.connect(&mut client, first[0])?
        };
        if let Some(to) = to {
            relay(client, TcpStream::connect(to)?);
        }
        Ok(())
    }

    fn find(&self, how: &str, host: &str, port: &str) -> Option<SocketAddr> {
        self.asked
            .lock()
            .unwrap()
            .push(format!("{how} {host}:{port}"));
        self.hosts.get(host).copied()
    }

    fn connect(&self, client: &mut TcpStream, first: u8) -> io::Result<Option<SocketAddr>> {
        let mut head = vec![first];
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            client.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let pair = format!("{}:{}", self.login.0, self.login.1);
        let wanted = base64::engine::general_purpose::STANDARD.encode(pair);
        let is_known = head.lines().any(|line| {
            let (name, value) = line.split_once(": ").unwrap_or_default();
            name.eq_ignore_ascii_case("proxy-authorization")
                && value.eq_ignore_ascii_case(&format!("Basic {wanted}"))
        });
        if !is_known {
            client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")?;
            return Ok(None);
        }
        let target = head.split(' ').nth(1).unwrap_or_default();
        let (host, port) = target.rsplit_once(':').unwrap_or((target, ""));
        let to = self.find("CONNECT", host, port);
        client.write_all(match to {
            Some(_) => b"HTTP/1.1 200 Connected\r\n\r\n".as_slice(),
            None => b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
        })?;
        Ok(to)
    }

    /// RFC 1928 and 1929.
    fn socks(&self, client: &mut TcpStream) -> io::Result<Option<SocketAddr>> {
        let text = |client: &mut TcpStream| -> io::Result<String> {
            let mut length = [0];
            client.read_exact(&mut length)?;
            let mut text = vec![0; usize::from(length[0])];
            client.read_exact(&mut text)?;
            Ok(String::from_utf8_lossy(&text).into_owned())
        };
        text(client)?; // the methods
        client.write_all(&[5, 2])?;
        let mut version = [0];
        client.read_exact(&mut version)?;
        let login = (text(client)?, text(client)?);
        let is_known = login == self.login;
        client.write_all(&[1, u8::from(!is_known)])?;
        if !is_known {
            return Ok(None);
        }
        let mut request = [0; 4];
        client.read_exact(&mut request)?;
        let host = match request[3] {
            3 => text(client)?,
            _ => String::new(), // an address: nobody of us is meant
        };
        let mut port = [0; 2];
        client.read_exact(&mut port)?;
        let port = u16::from_be_bytes(port).to_string();
        let to = self.find("SOCKS", &host, &port);
        let code = if to.is_some() { 0 } else { 4 };
        client.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0])?;
        Ok(to)
    }
}

fn relay(client: TcpStream, server: TcpStream) {
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let upwards = std::thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let (mut from, mut to) = (server, client);
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
    let _ = upwards.join();
}
