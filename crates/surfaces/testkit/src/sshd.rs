//! A real OpenSSH server on loopback that gives out Git repositories, without rights and without
//! a word in the machine's own configuration.
//!
//! Each connection is served by one `sshd -i`; the socket is ours, so no port is fixed and a test
//! can count connections and break them off. Its users come from a file of ours, through
//! `libnss_wrapper`. The programs are from the folder that `xtask sshd` fills.

use crate::realapi::{cache, skipped};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The folder of programs, below the cache.
pub const FOLDER: &str = "sshd-1";
/// Whom the server runs as where the tests run as root: it must not, and nobody has this number.
const UNPRIVILEGED: u32 = 20_517;

/// What a server is like.
#[derive(Clone, Copy, Debug, Default)]
pub struct SshdOptions {
    /// It does not take `GIT_PROTOCOL`, so Git speaks its oldest protocol.
    pub speaks_old_protocol: bool,
}

/// A running server; it ends when dropped.
pub struct Sshd {
    state: Arc<State>,
    port: u16,
}

struct State {
    folder: tempfile::TempDir,
    connections: AtomicUsize,
    children: Mutex<Vec<Child>>,
    /// Takes connections, and says nothing.
    is_silent: AtomicBool,
    held: Mutex<Vec<TcpStream>>,
    has_ended: AtomicBool,
}

impl Sshd {
    /// Starts a server for the user `git`, or says in one SKIPPED line that `test` cannot run.
    ///
    /// # Panics
    /// Where it cannot start though the programs are there, and where they are absent and
    /// `ARGOSY_REQUIRE_ALL=1` is set.
    pub fn start_or_skip(test: &str, options: SshdOptions) -> Option<Self> {
        let programs = cache().map(|cache| cache.join(FOLDER));
        let programs = programs.filter(|folder| folder.join("usr/sbin/sshd").is_file());
        let Some(programs) = programs else {
            skipped(test, "no sshd; run `cargo xtask sshd`");
            return None;
        };
        Some(Self::start(&programs, options).expect("the server starts"))
    }

    fn start(programs: &Path, options: SshdOptions) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("argosy-sshd-").tempdir()?;
        for key in ["host", "user", "other"] {
            generate(&folder.path().join(key))?;
        }
        copy_programs(programs, folder.path())?;
        write_configuration(folder.path(), options)?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(State {
            folder,
            connections: AtomicUsize::new(0),
            children: Mutex::default(),
            is_silent: AtomicBool::new(false),
            held: Mutex::default(),
            has_ended: AtomicBool::new(false),
        });
        let serving = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if serving.has_ended.load(Ordering::SeqCst) {
                    return;
                }
                serving.serve(stream);
            }
        });
        Ok(Self { state, port })
    }

    /// The URL of a repository at an absolute path.
    pub fn url(&self, path: &Path) -> String {
        format!("ssh://git@127.0.0.1:{}{}", self.port, path.display())
    }

    /// The line of `known_hosts` for this server.
    pub fn known_host(&self) -> String {
        self.known_host_with("host")
    }

    /// A line that names this server with another key than its own.
    pub fn wrong_known_host(&self) -> String {
        self.known_host_with("other")
    }

    fn known_host_with(&self, key: &str) -> String {
        let text = self.read(&format!("{key}.pub"));
        let mut words = text.split_whitespace();
        let (kind, key) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        format!("[127.0.0.1]:{} {kind} {key}\n", self.port)
    }

    /// The private key that the server lets in.
    pub fn key(&self) -> String {
        self.read("user")
    }

    /// The file of that key.
    pub fn key_file(&self) -> PathBuf {
        self.state.folder.path().join("user")
    }

    /// A private key that it refuses.
    pub fn other_key(&self) -> String {
        self.read("other")
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// From now on, or no more, connections are taken and never answered.
    pub fn set_silent(&self, silent: bool) {
        self.state.is_silent.store(silent, Ordering::SeqCst);
    }

    /// Breaks all connections off.
    pub fn cut(&self) {
        self.state.cut();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.state.folder.path().join(name)).unwrap_or_default()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.state.has_ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port)); // wakes the listener
        self.state.cut();
    }
}

impl State {
    fn serve(&self, stream: TcpStream) {
        self.connections.fetch_add(1, Ordering::SeqCst);
        if self.is_silent.load(Ordering::SeqCst) {
            self.held
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(stream);
            return;
        }
        let spawned = self.sshd(stream);
        let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        children.retain_mut(|child| !matches!(child.try_wait(), Ok(Some(_))));
        match spawned {
            Ok(child) => children.push(child),
            Err(error) => eprintln!("sshd does not start: {error}"),
        }
    }

    fn sshd(&self, stream: TcpStream) -> io::Result<Child> {
        let folder = self.folder.path();
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(folder.join("sshd.log"))?;
        let mut command = Command::new(folder.join("sshd"));
        command
            .args(["-i", "-e", "-f"])
            .arg(folder.join("sshd_config"))
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LD_LIBRARY_PATH", folder.join("lib"))
            .env("LD_PRELOAD", "libnss_wrapper.so")
            .env("NSS_WRAPPER_PASSWD", folder.join("passwd"))
            .env("NSS_WRAPPER_GROUP", folder.join("group"))
            .stdin(Stdio::from(OwnedFd::from(stream.try_clone()?)))
            .stdout(Stdio::from(OwnedFd::from(stream)))
            .stderr(log);
        let (own, _) = ids();
        if own == 0 {
            command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
        }
        command.spawn()
    }

    fn cut(&self) {
        self.held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        for mut child in children.drain(..) {
            // Either fails only where the process is gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Copies the program and its libraries to where an unprivileged server may read them.
fn copy_programs(programs: &Path, folder: &Path) -> io::Result<()> {
    let sshd = folder.join("sshd");
    std::fs::copy(programs.join("usr/sbin/sshd"), &sshd)?;
    let libraries = folder.join("lib");
    std::fs::create_dir(&libraries)?;
    for lib in ["usr/lib", "lib"] {
        let kinds = std::fs::read_dir(programs.join(lib)).into_iter().flatten();
        for kind in kinds.flatten() {
            if !kind.file_name().to_string_lossy().contains("-linux-gnu") {
                continue;
            }
            for entry in std::fs::read_dir(kind.path())?.flatten() {
                if entry.file_name().to_string_lossy().contains(".so") {
                    std::fs::copy(entry.path(), libraries.join(entry.file_name()))?;
                }
            }
        }
    }
    Ok(())
}

fn generate(file: &Path) -> io::Result<()> {
    let status = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
        .arg(file)
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other("ssh-keygen failed"))
    }
}

fn write_configuration(folder: &Path, options: SshdOptions) -> io::Result<()> {
    let at = folder.display();
    let (mut uid, mut gid) = ids();
    if uid == 0 {
        (uid, gid) = (UNPRIVILEGED, UNPRIVILEGED);
    }
    let serve = "#!/bin/sh\nexport GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory\n\
                 export GIT_CONFIG_VALUE_0='*'\nexec git shell -c \"$SSH_ORIGINAL_COMMAND\"\n"
        .to_owned();
    let public = std::fs::read_to_string(folder.join("user.pub"))?;
    let accept = if options.speaks_old_protocol {
        ""
    } else {
        "AcceptEnv GIT_PROTOCOL\n"
    };
    let config = format!(
        "HostKey {at}/host\nAuthorizedKeysFile {at}/authorized_keys\nPidFile none\n\
         StrictModes no\nUsePAM no\nPasswordAuthentication no\n\
         KbdInteractiveAuthentication no\nLogLevel VERBOSE\n{accept}"
    );
    for (name, text) in [
        ("serve", serve),
        (
            "authorized_keys",
            format!("restrict,command=\"{at}/serve\" {public}"),
        ),
        ("passwd", format!("git:x:{uid}:{gid}:git:/:/bin/sh\n")),
        ("group", format!("git:x:{gid}:\n")),
        ("sshd_config", config),
    ] {
        std::fs::write(folder.join(name), text)?;
    }
    // The server is somebody else where the tests are root.
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let is_key = matches!(entry.file_name().to_str(), Some("host" | "user" | "other"));
        hand_over(&entry.path(), uid, gid, if is_key { 0o600 } else { 0o755 })?;
    }
    hand_over(folder, uid, gid, 0o755)
}

fn hand_over(path: &Path, uid: u32, gid: u32, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::os::unix::fs::chown(path, Some(uid), Some(gid))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

/// This process' user and group, as the owner of a file that it makes.
fn ids() -> (u32, u32) {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").map_or((0, 0), |own| (own.uid(), own.gid()))
}
