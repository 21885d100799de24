//! The real program, run against a fleet of this process.

use crate::harness::{Fleet, Ground};
use std::path::Path;

/// A folder to run the program in, with its own settings and nothing of the caller's.
pub struct Program {
    pub folder: tempfile::TempDir,
    kubeconfig: String,
    hub: String,
    /// Where the fleet is kept.
    home: String,
}

/// A fleet of this process with these clusters, each of them there.
pub async fn embedded(clusters: &[&str]) -> Fleet {
    let fleet = Fleet::start(Ground::Embedded, "commands", clusters).await;
    let fleet = fleet.expect("the embedded ground is always there");
    for name in clusters {
        fleet
            .until("the cluster", || async {
                fleet.running().fleet.cluster(name).map(|_| ())
            })
            .await;
    }
    fleet
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Program {
    /// The program's file.
    pub fn binary() -> &'static str {
        env!("CARGO_BIN_EXE_argosy")
    }

    /// The program with the fleet's kubeconfig, its repositories and its rewriting of URLs.
    pub fn of(fleet: &Fleet) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let git = fleet.git.display();
        let settings = format!(
            "localRepos:\n- {git}\ngitInsteadOf:\n- https://gitlab.internal/=file://{git}/\n"
        );
        std::fs::write(folder.path().join("settings.yaml"), settings).unwrap();
        Self {
            kubeconfig: fleet.running().fleet.kubeconfig().display().to_string(),
            hub: fleet.running().fleet.url().to_owned(),
            home: fleet.git.parent().unwrap().display().to_string(),
            folder,
        }
    }

    /// The program with no hub at all.
    pub fn alone() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("settings.yaml"), "").unwrap();
        Self {
            folder,
            kubeconfig: String::new(),
            hub: "https://none".into(),
            home: "/none".into(),
        }
    }

    /// Writes a file of the folder that the program runs in.
    pub fn file(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Runs it with arguments.
    pub async fn run(&self, arguments: &[&str]) -> Ended {
        let home: &Path = self.folder.path();
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_argosy"))
            .args(arguments)
            .current_dir(home)
            .env_clear()
            .env("HOME", home)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("ARGOSY_CONFIG", home.join("settings.yaml"))
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(std::time::Duration::from_secs(60), output);
        let output = output.await.expect("the program ends in time").unwrap();
        let text = |bytes: &[u8]| self.filter(&String::from_utf8_lossy(bytes));
        Ended {
            code: output.status.code().unwrap_or(-1),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    /// Runs a line of words.
    pub async fn line(&self, line: &str) -> Ended {
        self.run(&line.split_whitespace().collect::<Vec<_>>()).await
    }

    /// Takes out what differs from run to run, and keeps widths: the hub's address, times,
    /// commits.
    fn filter(&self, text: &str) -> String {
        let text = text.replace(&self.hub, &masked_digits(&self.hub, "127.0.0.1"));
        let text = text
            .replace(&self.folder.path().display().to_string(), "FOLDER")
            .replace(&self.home, "FLEET");
        let mut filtered = String::with_capacity(text.len());
        for word in
            text.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == ':'))
        {
            let bare = word
                .trim_end_matches(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == ':'));
            let is_hex = bare
                .bytes()
                .all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase());
            let is_sha = is_hex && (bare.len() == 7 || bare.len() == 40);
            let is_date =
                bare.len() == 10 && bare.starts_with("20") && bare.matches('-').count() == 2;
            let is_time = bare.len() == 8 && bare.matches(':').count() == 2;
            if is_sha {
                filtered.push_str(&"x".repeat(bare.len()));
            } else if is_date || is_time {
                filtered.push_str(&masked_digits(bare, ""));
            } else {
                filtered.push_str(bare);
            }
            filtered.push_str(&word[bare.len()..]);
        }
        filtered
    }
}

/// `0` for every digit, less those of `kept`.
fn masked_digits(text: &str, kept: &str) -> String {
    let mask = |part: &str| -> String {
        part.chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect()
    };
    match text.split_once(kept) {
        Some((before, after)) if !kept.is_empty() => {
            format!("{}{kept}{}", mask(before), mask(after))
        }
        _ => mask(text),
    }
}
