//! Git over ssh, by the `ssh` program of the machine, as Git itself does it: none of the user's
//! configuration, no question to anybody, one key, known hosts of our own, and an end for all.

mod address;
mod private;
mod words;

pub(crate) use address::Address;
pub(crate) use words::{Failed, explain};

use crate::wire::{Bounded, Budget, Cause, CauseSlot, Wire};
use argosy_fetch::Credential;
use argosy_fetch::Patience;
use argosy_object::Redacted;
use gix_transport::Protocol;
use gix_transport::client::git::ConnectMode;
use gix_transport::client::git::blocking_io::Connection;
use private::PrivateFile;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Most bytes that are kept of what `ssh` and the server say beside the data.
const MAX_WORDS: usize = 16 << 10;
/// Where `ssh` is looked for, unless its file is named.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin:/run/current-system/sw/bin";
/// How long a program that has closed its output may take to end.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How `ssh` is run.
#[derive(Clone, Debug)]
pub struct SshSettings {
    /// The program: a name that is looked for in the usual folders, or a path (`--ssh-program`).
    pub program: PathBuf,
    /// The operator's own agent (`--ssh-agent`), for repositories whose credential has no key.
    /// Whoever may name a repository uses it then, so it is for a machine of one person.
    pub agent: Option<SshAgent>,
}

impl Default for SshSettings {
    fn default() -> Self {
        Self {
            program: "ssh".into(),
            agent: None,
        }
    }
}

/// An agent that holds keys, and the hosts that its owner knows.
#[derive(Clone, Debug)]
pub struct SshAgent {
    /// The agent's socket, `SSH_AUTH_SOCK`.
    pub socket: PathBuf,
    /// A file of known hosts that counts beside the hub's.
    pub known_hosts: Option<PathBuf>,
}

/// What one connection is made with.
pub(crate) struct Dial<'d> {
    pub address: &'d Address,
    pub credential: &'d Credential,
    pub known_hosts: &'d str,
    pub settings: &'d SshSettings,
    pub patience: Patience,
    pub max_bytes: u64,
}

impl Dial<'_> {
    /// Starts `ssh`. Nothing is read yet; what fails later is told by the wire's cause.
    ///
    /// # Errors
    /// A sentence, where there is no such program or its files cannot be written.
    pub(crate) fn connect(&self) -> Result<Wire, String> {
        let disk = |error: io::Error| format!("its key cannot be handed to ssh: {error}");
        let key = self.credential.ssh_key.reveal();
        let files = Files {
            key: match key.as_str() {
                "" => None,
                key => Some(PrivateFile::new(normal_key(key).reveal()).map_err(disk)?),
            },
            known_hosts: PrivateFile::new(self.known_hosts.as_bytes()).map_err(disk)?,
        };
        let (ours, theirs) = UnixStream::pair().map_err(disk)?;
        let (words, their_words) = UnixStream::pair().map_err(disk)?;
        let mut command = Command::new(&self.settings.program);
        command
            .args(self.arguments(&files))
            .env_clear()
            .env("PATH", PATH)
            .env("LC_ALL", "C")
            .env("GIT_PROTOCOL", "version=2")
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(
                theirs.try_clone().map_err(disk)?,
            )))
            .stdout(Stdio::from(OwnedFd::from(theirs)))
            .stderr(Stdio::from(OwnedFd::from(their_words)));
        let child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!(
                "there is no program `{}` on this machine",
                self.settings.program.display()
            ),
            _ => format!("`{}`: {error}", self.settings.program.display()),
        })?;
        drop(command); // it holds the other ends
        let process = Process::new(child, words, files).map_err(disk)?;
        Ok(self.wire(process, ours))
    }

    fn wire(&self, process: Process, stream: UnixStream) -> Wire {
        let process = Arc::new(Mutex::new(process));
        let (budget, slot) = (Budget::new(self.max_bytes), CauseSlot::default());
        let stream = Arc::new(stream);
        let timed = Timed {
            stream: stream.clone(),
            process: process.clone(),
            patience: self.patience,
            end: Instant::now() + self.patience.whole,
            has_answered: false,
        };
        let writer = timed.clone();
        let reader = Bounded {
            inner: timed,
            budget: budget.clone(),
            slot: slot.clone(),
        };
        let path = self.address.path.as_str();
        let host: Option<(String, Option<u16>)> = None;
        let mode = ConnectMode::Process;
        Wire {
            transport: Box::new(Connection::new(
                reader,
                writer,
                Protocol::V2,
                path,
                host,
                mode,
                false,
            )),
            budget,
            cause: Box::new(move || {
                let kept = slot.take();
                if matches!(kept, Some(Cause::TooLarge(_))) {
                    return kept;
                }
                // Whoever still waits for us ends with this.
                let _ = stream.shutdown(Shutdown::Both);
                let (text, code) = lock(&process).last_words();
                let has_failed = code.is_some_and(|code| code != 0);
                if has_failed || (kept.is_none() && !text.trim().is_empty()) {
                    return Some(Cause::Ssh { text, code });
                }
                kept
            }),
        }
    }

    fn arguments(&self, files: &Files) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec!["-F".into(), "none".into(), "-Tax".into()];
        let mut option = |text: String| arguments.extend(["-o".into(), text.into()]);
        for fixed in [
            "BatchMode=yes",
            "ClearAllForwardings=yes",
            "ControlMaster=no",
            "ControlPath=none",
            "GlobalKnownHostsFile=/dev/null",
            "KbdInteractiveAuthentication=no",
            "LogLevel=ERROR",
            "PasswordAuthentication=no",
            "PermitLocalCommand=no",
            "PreferredAuthentications=publickey",
            "ProxyCommand=none",
            "SendEnv=GIT_PROTOCOL",
            "ServerAliveCountMax=3",
            "ServerAliveInterval=15",
            "UpdateHostKeys=no",
        ] {
            option(fixed.into());
        }
        let seconds = self.patience.connect.as_secs().max(1);
        option(format!("ConnectTimeout={seconds}"));
        let agent = self.settings.agent.as_ref();
        if self.credential.insecure {
            option("StrictHostKeyChecking=no".into());
            option("UserKnownHostsFile=/dev/null".into());
        } else {
            let own = agent.and_then(|agent| agent.known_hosts.as_deref());
            let own = own.map(|file| format!(" {}", quoted(file)));
            option("StrictHostKeyChecking=yes".into());
            option(format!(
                "UserKnownHostsFile={}{}",
                quoted(files.known_hosts.path()),
                own.unwrap_or_default()
            ));
        }
        match (&files.key, agent) {
            (Some(key), _) => {
                option(format!("IdentityFile={}", quoted(key.path())));
                option("IdentityAgent=none".into());
                option("IdentitiesOnly=yes".into());
            }
            (None, Some(agent)) => {
                option(format!("IdentityAgent={}", quoted(&agent.socket)));
                option("IdentityFile=none".into());
                // The agent's keys are in no file that could be named.
                option("IdentitiesOnly=no".into());
            }
            (None, None) => {
                option("IdentityAgent=none".into());
                option("IdentityFile=none".into());
                option("IdentitiesOnly=yes".into());
            }
        }
        if let Some(port) = self.address.port {
            arguments.extend(["-p".into(), port.to_string().into()]);
        }
        arguments.extend(["-l".into(), self.address.user.clone().into(), "--".into()]);
        arguments.extend([
            self.address.host.clone().into(),
            self.address.command().into(),
        ]);
        arguments
    }
}

/// OpenSSH reads no key whose lines end as on Windows, or whose last line does not end.
fn normal_key(key: &str) -> Redacted<Vec<u8>> {
    let mut text = key.trim().replace("\r\n", "\n");
    text.push('\n');
    Redacted::new(text.into_bytes())
}

/// A path within an option: blanks divide there, and `%` begins a token.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('%', "%%"))
}

/// Decodes `%41`; what is no code stays.
pub(crate) fn decode(text: &str) -> String {
    crate::location::percent_decode(text)
}

struct Files {
    key: Option<PrivateFile>,
    known_hosts: PrivateFile,
}

/// A running `ssh`. It is killed and waited for when this is dropped.
struct Process {
    child: Child,
    words: Option<JoinHandle<Vec<u8>>>,
    stream: UnixStream,
    _files: Files,
}

impl Process {
    fn new(child: Child, words: UnixStream, files: Files) -> io::Result<Self> {
        let mut process = Self {
            child,
            words: None,
            stream: words,
            _files: files,
        };
        let reader = process.stream.try_clone()?;
        process.words = Some(std::thread::spawn(move || listen(reader)));
        Ok(process)
    }

    /// What it said, and its exit code where it ended by itself.
    fn last_words(&mut self) -> (String, Option<i32>) {
        let begun = Instant::now();
        let mut code = None;
        while begun.elapsed() < LAST_WORDS {
            if let Ok(Some(status)) = self.child.try_wait() {
                code = status.code();
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.end();
        let words = self.words.take().and_then(|words| words.join().ok());
        let words = String::from_utf8_lossy(&words.unwrap_or_default()).into_owned();
        (words, code)
    }

    fn end(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// Keeps the beginning of what is said, and reads the rest away so that nobody waits.
fn listen(mut stream: UnixStream) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        let room = MAX_WORDS.saturating_sub(kept.len()).min(read);
        kept.extend_from_slice(&buffer[..room]);
    }
    kept
}

/// The program's input and output, with an end for every wait.
#[derive(Clone)]
struct Timed {
    stream: Arc<UnixStream>,
    /// Lives as long as somebody talks to it.
    process: Arc<Mutex<Process>>,
    patience: Patience,
    end: Instant,
    has_answered: bool,
}

impl Timed {
    fn left(&self, step: Duration) -> io::Result<Option<Duration>> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            lock(&self.process).end();
            return Err(io::Error::other("the server takes too long"));
        }
        Ok(Some(left.min(step)))
    }

    fn judged<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                lock(&self.process).end();
                io::Error::other("the server does not answer in time")
            }
            _ => error,
        })
    }
}

impl Read for Timed {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let step = if self.has_answered {
            self.patience.silence
        } else {
            self.patience.connect + self.patience.first_byte
        };
        self.stream.set_read_timeout(self.left(step)?)?;
        let read = (&*self.stream).read(buf);
        self.has_answered = true;
        self.judged(read)
    }
}

impl Write for Timed {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.stream
            .set_write_timeout(self.left(self.patience.silence)?)?;
        let written = (&*self.stream).write(buf);
        self.judged(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lock(process: &Mutex<Process>) -> std::sync::MutexGuard<'_, Process> {
    process.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
