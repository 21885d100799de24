//! Servers that mean harm: each ends in an error within its limit, and what was here stays.

use crate::world::World;
use argosy_git::Patience;
use argosy_ports::{SourceError, SourceErrorKind, Sources};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What a server answers; every part ends where the client has gone.
#[derive(Clone, Copy, Debug)]
enum Harm {
    EndlessRefs,
    EndlessProgress,
    EndlessPack,
    GarbagePack,
    NoPack,
    HugePacket,
    WrongLength,
    SlowRefs,
    Silence,
    EndlessHeaders,
    EndlessZeros,
}

const ALL: [Harm; 11] = [
    Harm::EndlessRefs,
    Harm::EndlessProgress,
    Harm::EndlessPack,
    Harm::GarbagePack,
    Harm::NoPack,
    Harm::HugePacket,
    Harm::WrongLength,
    Harm::SlowRefs,
    Harm::Silence,
    Harm::EndlessHeaders,
    Harm::EndlessZeros,
];

const CAPABILITIES: &str = "001e# service=git-upload-pack\n0000000eversion 2\n\
                            000cls-refs\n000afetch\n0000";

fn packet(text: &[u8]) -> Vec<u8> {
    [format!("{:04x}", text.len() + 4).as_bytes(), text].concat()
}

struct Server {
    url: String,
    harm: Arc<Mutex<Harm>>,
    stop: Arc<AtomicBool>,
    address: std::net::SocketAddr,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let harm = Arc::new(Mutex::new(Harm::Silence));
        let stop = Arc::new(AtomicBool::new(false));
        let (serving, stopping) = (harm.clone(), stop.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopping.load(Ordering::SeqCst) {
                    return;
                }
                let (harm, stop) = (*serving.lock().unwrap(), stopping.clone());
                // The client is expected to break off.
                std::thread::spawn(move || answer(stream, harm, &stop));
            }
        });
        Self {
            url: format!("http://{address}/x.git"),
            harm,
            stop,
            address,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address); // wakes the listener
    }
}

fn answer(mut stream: TcpStream, harm: Harm, stop: &AtomicBool) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    let mut length = 0;
    let mut is_post = false;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        is_post |= line.starts_with("POST");
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    let kind = if is_post { "result" } else { "advertisement" };
    let head = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\
         Content-Type: application/x-git-upload-pack-{kind}\r\n"
    );
    stream.write_all(head.as_bytes())?;
    if matches!(harm, Harm::EndlessHeaders) {
        return forever(&mut stream, b"X-More: and more\r\n", stop);
    }
    stream.write_all(b"\r\n")?;
    let reference = packet(format!("{:040x} refs/heads/main\n", 1).as_bytes());
    match (harm, is_post, body.contains("command=fetch")) {
        (Harm::Silence, ..) => forever_after(&mut stream, b"", Duration::from_mins(10), stop),
        (Harm::HugePacket, ..) => forever(&mut stream, b"ffff", stop),
        (Harm::WrongLength, ..) => stream.write_all(b"zzzzversion 2\n"),
        (Harm::EndlessZeros, ..) => forever(&mut stream, &[0; 4096], stop),
        (_, false, _) => stream.write_all(CAPABILITIES.as_bytes()),
        (Harm::EndlessRefs, true, false) => forever(&mut stream, &reference.repeat(100), stop),
        (Harm::SlowRefs, true, false) => {
            forever_after(&mut stream, &reference, Duration::from_millis(20), stop)
        }
        (_, true, false) => stream.write_all(&[&reference[..], b"0000"].concat()),
        (_, true, true) => {
            stream.write_all(&packet(b"packfile\n"))?;
            match harm {
                Harm::EndlessProgress => {
                    let progress = packet(&[b"\x02", &[b'.'; 1000][..]].concat());
                    forever(&mut stream, &progress, stop)
                }
                Harm::EndlessPack => {
                    let mut start = b"\x01PACK\0\0\0\x02\0\0\xff\xff".to_vec();
                    stream.write_all(&packet(&start))?;
                    start.truncate(1);
                    start.extend([0x32; 2000]);
                    forever(&mut stream, &packet(&start), stop)
                }
                Harm::GarbagePack => {
                    stream.write_all(&packet(b"\x01PACK\0\0\0\x02\0\0\0\x01rubbish"))?;
                    stream.write_all(b"0000")
                }
                _ => stream.write_all(b"0000"),
            }
        }
    }
}

fn forever(stream: &mut TcpStream, bytes: &[u8], stop: &AtomicBool) -> std::io::Result<()> {
    while !stop.load(Ordering::SeqCst) {
        stream.write_all(bytes)?;
    }
    Ok(())
}

fn forever_after(
    stream: &mut TcpStream,
    bytes: &[u8],
    pause: Duration,
    stop: &AtomicBool,
) -> std::io::Result<()> {
    while !stop.load(Ordering::SeqCst) {
        stream.write_all(bytes)?;
        let begun = Instant::now();
        while begun.elapsed() < pause && !stop.load(Ordering::SeqCst) {
            std::thread::sleep(pause.min(Duration::from_millis(20)));
        }
    }
    Ok(())
}

async fn suffer(harm: Harm) -> SourceError {
    let world = World::with(|settings| {
        settings.max_fetch_bytes = 1 << 20;
        settings.patience = Patience {
            connect: Duration::from_secs(2),
            first_byte: Duration::from_secs(2),
            silence: Duration::from_secs(2),
            whole: Duration::from_secs(4),
        };
    });
    let server = Server::start();
    *server.harm.lock().unwrap() = harm;
    let repo = world.sources.repo(&server.url, "");
    let begun = Instant::now();
    let error = world.sources.refresh(&repo).await.unwrap_err();
    // Two answers may take their whole time, on a machine that does much else.
    assert!(begun.elapsed() < Duration::from_secs(40), "{harm:?}");
    let mirrors = world.dir.path().join("data/mirrors");
    assert!(size(&mirrors) < 8 << 20, "{harm:?}");
    error
}

fn size(dir: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() => size(&entry.path()),
            Ok(data) => data.len(),
            Err(_) => 0,
        })
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_harm_ends_in_an_error_within_its_limit() {
    for harm in ALL {
        let error = suffer(harm).await;
        let kinds: &[SourceErrorKind] = match harm {
            Harm::EndlessRefs | Harm::EndlessProgress => &[SourceErrorKind::Unsupported],
            Harm::EndlessPack => &[SourceErrorKind::Unsupported, SourceErrorKind::Unreachable],
            _ => &[SourceErrorKind::Unreachable],
        };
        assert!(kinds.contains(&error.kind), "{harm:?}: {error}");
        assert!(error.message.len() < 1000, "{harm:?}: {error}");
    }
}
