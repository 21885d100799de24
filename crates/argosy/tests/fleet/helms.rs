//! `argosy helm` beside the real helm, against the same chart repository and the same registry.

use crate::charts::{Shelf, packed};
use crate::program::Program;
use argosy_testkit::realapi::{skipped, tool};
use argosy_testkit::registry::RealRegistry;
use std::path::{Path, PathBuf};

/// What a run gave: its code, its output, what it said beside it, and the files of its folder.
#[derive(Debug, PartialEq)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

struct Both {
    helm: PathBuf,
    folders: [tempfile::TempDir; 2],
}

impl Both {
    fn new(test: &str) -> Option<Self> {
        let Some(helm) = tool("helm") else {
            skipped(test, "no helm; run `cargo xtask kubeassets`");
            return None;
        };
        let folder = || tempfile::tempdir().unwrap();
        Some(Self {
            helm,
            folders: [folder(), folder()],
        })
    }

    fn file(&self, path: &str, data: &[u8]) {
        for folder in &self.folders {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, data).unwrap();
        }
    }

    async fn run(&self, line: &str) -> [Ran; 2] {
        let ours = Program::binary();
        let words: Vec<&str> = line.split_whitespace().collect();
        let theirs = run(&self.helm, &[], &words, self.folders[0].path());
        let ours = run(Path::new(ours), &["helm"], &words, self.folders[1].path());
        let (theirs, ours) = tokio::join!(theirs, ours);
        [theirs, ours]
    }

    /// Both say the same, and end the same.
    async fn same(&self, line: &str) {
        let [theirs, ours] = self.run(line).await;
        assert_eq!(ours, theirs, "{line}");
    }

    fn read(&self, path: &str) -> [Option<Vec<u8>>; 2] {
        [0, 1].map(|at| std::fs::read(self.folders[at].path().join(path)).ok())
    }

    /// Both have written the same file.
    fn same_file(&self, path: &str) {
        let [theirs, ours] = self.read(path);
        assert!(theirs.is_some(), "{path}");
        assert!(ours == theirs, "{path} differs");
    }
}

async fn run(program: &Path, before: &[&str], words: &[&str], home: &Path) -> Ran {
    let output = tokio::process::Command::new(program)
        .args(before)
        .args(words)
        .current_dir(home)
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/bin:/bin")
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let text = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.replace(&home.display().to_string(), "HOME")
    };
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chart_repositories_are_handled_as_helm_does() {
    let Some(both) = Both::new("chart_repositories_are_handled_as_helm_does") else {
        return;
    };
    let shelf = Shelf::new(&["1.0.0", "1.2.0", "2.0.0-rc.1"]);
    let url = &shelf.server.url;
    for line in [
        "repo list",
        "repo update",
        "repo remove x",
        "search repo web",
        &format!("repo add r {url}"),
        &format!("repo add r {url}"),
        &format!("repo add r {url} --username u --password p"),
        &format!("repo add a/b {url}"),
        &format!("repo add bad {url}/nope"),
        "repo add bad ftp://x",
        "repo list",
        "repo list -o json",
        "repo list -o yaml",
        "repo update",
        "repo update x",
        "search repo web",
        "search repo web -l --devel",
        "search repo web --version ^1 -o json",
        "search repo nothing",
        "search repo nothing --fail-on-no-result",
        "show chart r/web",
        "show chart r/web --devel",
        "template r/web --version 1.0",
        "template r/none",
        "template r/web --version 9",
        "template none/web",
        &format!("template web --repo {url}"),
        &format!("template web --repo {url} --version 9"),
        &format!("template none --repo {url}"),
        &format!("show values {url}/web-1.0.0.tgz"),
        &format!("pull {url}/none/web.tgz"),
        "pull web",
        "pull r/web --version 1.0.0",
        "pull r/web --version ^1 --untar",
        "pull r/web --version ^1 --untar",
        "repo remove x",
        "repo remove r",
        "repo remove r",
    ] {
        both.same(line).await;
    }
    both.same_file("web-1.0.0.tgz");
    both.same_file("web/Chart.yaml");
    both.same_file(".config/helm/repositories.yaml");
}

#[tokio::test(flavor = "multi_thread")]
async fn indexes_are_written_as_helm_does() {
    let Some(both) = Both::new("indexes_are_written_as_helm_does") else {
        return;
    };
    for version in ["1.0.0", "1.10.0", "1.9.0", "2.0.0-rc.1"] {
        both.file(
            &format!("packed/web-{version}.tgz"),
            &packed("web", version),
        );
    }
    both.file("packed/deep/other-0.1.0.tgz", &packed("other", "0.1.0"));
    both.file("packed/broken-0.1.0.tgz", b"no chart");
    both.file("more/web-3.0.0.tgz", &packed("web", "3.0.0"));
    both.same("repo index packed --url https://charts.example.com/a")
        .await;
    same_index(&both, "packed/index.yaml");
    both.same("repo index packed").await;
    same_index(&both, "packed/index.yaml");
    both.same("repo index more --merge packed/index.yaml").await;
    same_index(&both, "more/index.yaml");
}

/// Both indexes are equal but for the times.
fn same_index(both: &Both, path: &str) {
    let [theirs, ours] = both.read(path).map(|data| {
        let text = String::from_utf8(data.unwrap()).unwrap();
        let lines = text.lines().map(|line| match line.trim_start() {
            time if time.starts_with("created: ") || time.starts_with("generated: ") => {
                line.split(':').next().unwrap().to_owned()
            }
            _ => line.to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n")
    });
    assert_eq!(ours, theirs, "{path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn registries_are_handled_as_helm_does() {
    let test = "registries_are_handled_as_helm_does";
    let (Some(both), Some(real)) = (Both::new(test), RealRegistry::start(test, true)) else {
        return;
    };
    let host = &real.host;
    for version in ["1.0.0", "1.2.0+b.1", "2.0.0-rc.1"] {
        both.file(&format!("web-{version}.tgz"), &packed("web", version));
    }
    let base = format!("oci://{host}/charts");
    let [theirs, ours] = both
        .run(&format!("push web-1.0.0.tgz {base} --plain-http"))
        .await;
    assert_eq!((theirs.code, ours.code), (1, 1));
    assert!(
        theirs.err.contains("credential not found") && ours.err.contains("status code 401"),
        "{theirs:?} {ours:?}"
    );
    let login = format!("registry login {host} -u ann -p secret --plain-http");
    both.same(&login).await;
    let [theirs, ours] = both
        .run(&format!(
            "registry login {host} -u ann -p wrong --plain-http"
        ))
        .await;
    assert_eq!((theirs.code, ours.code), (1, 1));
    assert!(
        ours.err.contains(&format!("authenticating to \"{host}\"")),
        "{ours:?}"
    );
    both.same_file(".config/helm/registry/config.json");
    for line in [
        &format!("push web-1.0.0.tgz {base} --plain-http"),
        &format!("push web-1.2.0+b.1.tgz {base} --plain-http"),
        &format!("push web-2.0.0-rc.1.tgz {base} --plain-http"),
        &format!("push none.tgz {base} --plain-http"),
        &format!("push . {base} --plain-http"),
        &format!("push web-1.0.0.tgz http://{host}/charts --plain-http"),
    ] {
        // The time of the file is part of the manifest, so both send the same file's.
        let [theirs, ours] = both.run(line).await;
        let no_digest = |ran: &Ran| -> String {
            let lines = ran.err.lines().filter(|line| !line.starts_with("Digest: "));
            lines.collect::<Vec<_>>().join("\n")
        };
        assert_eq!(no_digest(&ours), no_digest(&theirs), "{line}");
        assert_eq!((ours.code, ours.out), (theirs.code, theirs.out), "{line}");
    }
    for line in [
        format!("pull {base}/web --plain-http -d ."),
        format!("pull {base}/web --plain-http --version ^1"),
        format!("pull {base}/web --plain-http --devel --untar"),
        format!("pull {base}/web --plain-http --version ^9"),
        format!("pull {base}/web --plain-http --version 9.9.9"),
        format!("pull {base}/web:1.0.0 --plain-http --version 1.1.0"),
        format!("pull {base}/web:1.0.0 --plain-http"),
        format!("pull {base}/none --plain-http --version 1.0.0"),
        format!("pull {base}/none --plain-http"),
        format!("pull {base}/web --plain-http --version 1.0.0 --verify"),
        format!("template {base}/web --plain-http --version 1.0.0"),
        format!("show chart {base}/web --plain-http"),
        format!("registry logout {host}"),
    ] {
        both.same(&line).await;
    }
    both.same_file("web-1.2.0+b.1.tgz");
    both.same_file("web/Chart.yaml");
    both.same_file(".config/helm/registry/config.json");
}

#[tokio::test(flavor = "multi_thread")]
async fn dependencies_are_fetched_and_locked_as_helm_does() {
    let test = "dependencies_are_fetched_and_locked_as_helm_does";
    let (Some(both), Some(real)) = (Both::new(test), RealRegistry::start(test, false)) else {
        return;
    };
    let shelf = Shelf::new(&["1.0.0", "1.2.0", "2.0.0"]);
    let (url, host) = (&shelf.server.url, &real.host);
    for version in ["0.1.0", "0.2.0"] {
        both.file(&format!("reg-{version}.tgz"), &packed("reg", version));
        let push = format!("push reg-{version}.tgz oci://{host}/charts --plain-http");
        assert_eq!(both.run(&push).await[0].code, 0);
    }
    both.file(
        "near/Chart.yaml",
        b"apiVersion: v2\nname: near\nversion: 0.3.0\n",
    );
    let chart = format!(
        "apiVersion: v2\nname: top\nversion: 0.1.0\ndependencies:\n\
         - {{name: web, version: ^1, repository: '{url}', alias: one}}\n\
         - {{name: web, version: 2.0.0, repository: '@r', alias: two}}\n\
         - {{name: reg, version: '>=0.1.0', repository: 'oci://{host}/charts'}}\n\
         - {{name: near, version: '*', repository: 'file://../near'}}\n"
    );
    both.file("top/Chart.yaml", chart.as_bytes());
    both.same("dependency list top").await;
    both.same("dependency update top --plain-http").await;
    both.same(&format!("repo add r {url}")).await;
    let [theirs, ours] = both.run("dependency update top --plain-http").await;
    assert_eq!((theirs.code, ours.code), (0, 0), "{theirs:?} {ours:?}");
    let [theirs, ours] = both.read("top/Chart.lock").map(|data| {
        let text = String::from_utf8(data.unwrap()).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with("generated: "));
        lines.collect::<Vec<_>>().join("\n")
    });
    assert_eq!(ours, theirs);
    for file in ["web-1.2.0.tgz", "web-2.0.0.tgz", "reg-0.2.0.tgz"] {
        both.same_file(&format!("top/charts/{file}"));
    }
    both.same("dependency list top").await;
    both.same("template top").await;
    // What one has locked, the other builds.
    let lock = both.read("top/Chart.lock")[0].clone().unwrap();
    both.file("top/Chart.lock", &lock);
    for folder in &both.folders {
        std::fs::remove_dir_all(folder.path().join("top/charts")).unwrap();
    }
    let [theirs, ours] = both.run("dependency build top --plain-http").await;
    assert_eq!((theirs.code, ours.code), (0, 0), "{theirs:?} {ours:?}");
    both.same("dependency list top").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn provenance_is_checked_as_helm_does() {
    let Some(both) = Both::new("provenance_is_checked_as_helm_does") else {
        return;
    };
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
    let read = |name: &str| std::fs::read(format!("{fixtures}/{name}")).unwrap();
    both.file("signed-0.1.0.tgz", &read("signed-0.1.0.tgz"));
    both.file("signed-0.1.0.tgz.prov", &read("signed-0.1.0.tgz.prov"));
    both.file("other-0.1.0.tgz", &read("signed-0.1.0.tgz"));
    both.file("other-0.1.0.tgz.prov", &read("signed-0.1.0.tgz.prov"));
    both.file("bad-0.1.0.tgz", &packed("bad", "0.1.0"));
    let renamed = String::from_utf8(read("signed-0.1.0.tgz.prov")).unwrap();
    both.file(
        "bad-0.1.0.tgz.prov",
        renamed.replace("signed", "bad").as_bytes(),
    );
    both.file("none-0.1.0.tgz", &packed("none", "0.1.0"));
    both.file("plain-0.1.0.tgz", &packed("plain", "0.1.0"));
    both.file("plain-0.1.0.tgz.prov", b"nothing");
    both.file("keys.gpg", &read("keys.gpg"));
    both.file("strangers.gpg", &read("strangers.gpg"));
    both.file(
        "folder/Chart.yaml",
        b"apiVersion: v2\nname: folder\nversion: 0.1.0\n",
    );
    for line in [
        "verify signed-0.1.0.tgz --keyring keys.gpg",
        "verify signed-0.1.0.tgz --keyring strangers.gpg",
        "verify signed-0.1.0.tgz --keyring none.gpg",
        "verify signed-0.1.0.tgz",
        "verify other-0.1.0.tgz --keyring keys.gpg",
        "verify bad-0.1.0.tgz --keyring keys.gpg",
        "verify none-0.1.0.tgz --keyring keys.gpg",
        "verify plain-0.1.0.tgz --keyring keys.gpg",
        "verify folder --keyring keys.gpg",
        "verify keys.gpg --keyring keys.gpg",
        "show chart signed-0.1.0.tgz --verify --keyring keys.gpg",
        "template none-0.1.0.tgz --verify --keyring keys.gpg",
    ] {
        both.same(line).await;
    }
    // What one has signed, the other verifies.
    both.file("keys.sec", &read("keys.sec"));
    both.file(
        "own/Chart.yaml",
        b"apiVersion: v2\nname: own\nversion: 0.1.0\n",
    );
    both.same("package own --sign").await;
    both.same("package own --sign --key nobody --keyring keys.sec")
        .await;
    both.same("package own --sign --key signer --keyring keys.gpg")
        .await;
    both.same("package own --sign --key signer --keyring keys.sec")
        .await;
    for name in ["own-0.1.0.tgz", "own-0.1.0.tgz.prov"] {
        let [theirs, ours] = both.read(name).map(Option::unwrap);
        std::fs::write(both.folders[0].path().join(name), ours).unwrap();
        std::fs::write(both.folders[1].path().join(name), theirs).unwrap();
    }
    let [theirs, ours] = both.run("verify own-0.1.0.tgz --keyring keys.gpg").await;
    assert_eq!((theirs.code, ours.code), (0, 0), "{theirs:?} {ours:?}");
}
