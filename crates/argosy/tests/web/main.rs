//! The web page in a real browser, over a fleet of this process: opened, searched, a drift shown
//! and healed, a sync pressed, and 2,000 Applications scrolled.
//!
//! The browser's side is `web/tests/page.mjs`. It says what it wants of the fleet in lines
//! (`WANT drift`), and this side does it and answers.

mod fleet;

use argosy_testkit::realapi::skipped;
use fleet::Fleet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

const TEST: &str = "the web page in a browser";
/// Applications that nobody reconciles, to be scrolled through.
const MANY: usize = 2_000;
/// How long the browser may say nothing. It draws some hundred pictures between two steps, which
/// takes a minute where others have the processor; how long it takes in all is no fault.
const PATIENCE: Duration = Duration::from_mins(4);

#[tokio::test(flavor = "multi_thread")]
async fn page_opens_filters_heals_syncs_and_scrolls() {
    let Some(browser) = browser() else {
        return;
    };
    let fleet = Fleet::start(MANY).await;
    let page = root().join("web/tests/page.mjs");
    let mut child = tokio::process::Command::new("node")
        .arg(page)
        .arg(fleet.web.address())
        .arg(browser)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut answers = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut last = String::new();
    while let Some(line) = within(&last, lines.next_line()).await.unwrap() {
        println!("{line}");
        if let Some(wanted) = line.strip_prefix("WANT ") {
            let said = within(&line, fleet.satisfy(wanted)).await;
            answers
                .write_all(format!("{said}\n").as_bytes())
                .await
                .unwrap();
        }
        last = line;
    }
    let status = within(&last, child.wait()).await.unwrap();
    assert!(
        status.success(),
        "the page does not do what it should: see above"
    );
    fleet.stop().await;
}

/// What comes within our patience after the browser said `last`.
async fn within<T>(last: &str, coming: impl Future<Output = T>) -> T {
    let came = tokio::time::timeout(PATIENCE, coming).await;
    came.unwrap_or_else(|_| panic!("nothing is heard of the browser after `{last}`"))
}

/// A browser, where all that the test needs is there.
fn browser() -> Option<PathBuf> {
    let runs = |program: &str| {
        Command::new(program)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    if !runs("node") {
        skipped(TEST, "Node 20 or later is not installed");
        return None;
    }
    if !argosy_server::has_page() || !root().join("web/node_modules/playwright-core").exists() {
        skipped(TEST, "the page is not built; run `cargo xtask web`");
        return None;
    }
    let found = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| runs(name));
    if found.is_none() {
        skipped(TEST, "no chromium; run `cargo xtask browser` as root");
    }
    let path = std::env::var_os("PATH")?;
    let name = found?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
