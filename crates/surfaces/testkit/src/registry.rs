//! A real OCI registry on loopback: the reference one, from the folder that `xtask kubeassets`
//! fills.

use crate::realapi::{skipped, tool};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const READY_WITHIN: Duration = Duration::from_secs(30);
const ATTEMPTS: usize = 5;
/// The login `ann` with the password `secret`, as htpasswd writes it.
const LOGIN: &str = "ann:$2a$04$xHp/uOVwab07IfV8mWNlAO.dBOnEOKG6f1BoB8RxJKJoBQ0OIIrku\n";

/// A running registry, killed on drop.
pub struct RealRegistry {
    /// Host and port.
    pub host: String,
    child: Child,
    _folder: tempfile::TempDir,
}

impl RealRegistry {
    /// Starts one, or says why `test` is skipped. With a login it takes `ann` and `secret` only.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn start(test: &str, with_login: bool) -> Option<Self> {
        let Some(program) = tool("registry") else {
            skipped(test, "no registry; run `cargo xtask kubeassets`");
            return None;
        };
        for _ in 0..ATTEMPTS {
            if let Some(running) = Self::attempt(&program, with_login) {
                return Some(running);
            }
        }
        panic!("the registry does not start");
    }

    /// A port may be taken between our look and its start, so this may fail.
    fn attempt(program: &Path, with_login: bool) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let address = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port on loopback");
        let data = folder.path().join("data");
        let passwords = folder.path().join("passwords");
        std::fs::write(&passwords, LOGIN).expect("the file is written");
        let mut config = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\n\
             http:\n  addr: {address}\n",
            data.display()
        );
        if with_login {
            config.push_str(&format!(
                "auth:\n  htpasswd:\n    realm: test\n    path: {}\n",
                passwords.display()
            ));
        }
        let file = folder.path().join("config.yaml");
        std::fs::write(&file, config).expect("the file is written");
        let child = Command::new(program)
            .arg("serve")
            .arg(&file)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the registry is a program");
        let mut running = Self {
            host: address.to_string(),
            child,
            _folder: folder,
        };
        let begun = Instant::now();
        while begun.elapsed() < READY_WITHIN {
            if running.child.try_wait().ok().flatten().is_some() {
                return None;
            }
            if TcpStream::connect(address).is_ok() {
                return Some(running);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }
}

impl Drop for RealRegistry {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
