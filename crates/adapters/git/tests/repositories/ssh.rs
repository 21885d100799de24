//! Repositories behind a real sshd, held against the real `git`.

use crate::world::{World, revision, until, wanted};
use argosy_git::author::Change;
use argosy_git::{Credentials, InsteadOf, Patience, SshAgent};
use argosy_object::{Class, Classified, Object, json};
use argosy_ports::{RepoRef, SourceError, SourceErrorKind, Sources};
use argosy_testkit::sshd::{Sshd, SshdOptions};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// A world with a repository, and a server that gives it out.
fn world(test: &str) -> Option<(World, Sshd)> {
    let sshd = Sshd::start_or_skip(test, SshdOptions::default())?;
    Some((opened(World::new()), sshd))
}

fn opened(world: World) -> World {
    world.make("app.git");
    world.open_to_others();
    world
}

fn credentials(sshd: &Sshd, key: &str) -> Credentials {
    let secret = Object::new(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "key", "namespace": "argocd",
            "labels": {"argocd.argoproj.io/secret-type": "repo-creds"}},
        "stringData": {"url": sshd.url("/".as_ref()), "sshPrivateKey": key},
    }));
    let (credentials, faults) = Credentials::of([&secret.unwrap()]);
    assert!(faults.is_empty(), "{faults:?}");
    credentials
}

fn repo(world: &World, sshd: &Sshd) -> RepoRef {
    let url = sshd.url(&world.repos().join("app.git"));
    world.sources.repo(&url, "default")
}

async fn refusal(world: &World, sshd: &Sshd) -> SourceError {
    world.resolve(&repo(world, sshd), "main").await.unwrap_err()
}

#[tokio::test]
async fn a_repository_is_followed_over_ssh_and_agrees_with_git() {
    let Some((world, sshd)) = world("a_repository_is_followed_over_ssh_and_agrees_with_git") else {
        return;
    };
    let builder = argosy_git::author::RepoBuilder::open(&world.repos().join("app.git")).unwrap();
    builder.tag("v1.0.0", "main", Some("annotated")).unwrap();
    let credentials = credentials(&sshd, &sshd.key()).with_known_hosts(&sshd.known_host());
    world.sources.set_credentials(credentials);
    let repo = repo(&world, &sshd);
    assert_eq!(&*repo.credential.0, "argocd/key");
    world.sources.probe(&repo).await.unwrap();

    let known = world.dir.path().join("known");
    std::fs::write(&known, sshd.known_host()).unwrap();
    let key = world.dir.path().join("key");
    std::fs::copy(sshd.key_file(), &key).unwrap();
    let ssh = format!(
        "ssh -F none -o UserKnownHostsFile={} -o StrictHostKeyChecking=yes -i {}",
        known.display(),
        key.display()
    );
    let listed = Command::new("git")
        .args(["ls-remote", &repo.url])
        .env("GIT_SSH_COMMAND", ssh)
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let mut compared = 0;
    for line in listed.lines() {
        let (id, name) = line.split_once('\t').unwrap();
        let name = name.trim_end_matches("^{}");
        let found = world.resolve(&repo, name).await.unwrap();
        // An annotated tag is listed twice, and its second line names the commit.
        compared += usize::from(*found.revision == *id);
    }
    assert!(compared >= 3, "{listed}");

    let mut main = world.sources.follow(&repo, &wanted("main"));
    let second = builder
        .commit("main", "second", &[Change::text("a/app.yaml", "v: 2\n")])
        .unwrap();
    let seen = until(&mut main, "the commit", |s| revision(s) == Some(&second)).await;
    let artifact = seen.artifact.unwrap();
    assert_eq!(world.read(&artifact, "a/app.yaml").await, "v: 2\n");
    assert!(sshd.connections() > 2);
}

#[tokio::test]
async fn the_short_form_and_the_oldest_protocol_work() {
    let options = SshdOptions {
        speaks_old_protocol: true,
    };
    let test = "the_short_form_and_the_oldest_protocol_work";
    let Some(sshd) = Sshd::start_or_skip(test, options) else {
        return;
    };
    let world = opened(World::with(|settings| {
        let base = sshd.url(&settings.local_roots[0]);
        settings.instead_of = vec![InsteadOf {
            base: "git@forge.example:org".into(),
            other: base,
        }];
    }));
    let secret = Object::new(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "key", "namespace": "argocd",
            "labels": {"argocd.argoproj.io/secret-type": "repository"}},
        // Another spelling of the same repository.
        "stringData": {"url": "ssh://git@forge.example/org/app", "sshPrivateKey": sshd.key()},
    }));
    let (credentials, _) = Credentials::of([&secret.unwrap()]);
    let credentials = credentials.with_known_hosts(&sshd.known_host());
    world.sources.set_credentials(credentials);
    let repo = world
        .sources
        .repo("git@forge.example:org/app.git", "default");
    let artifact = world.resolve(&repo, "main").await.unwrap();
    assert_eq!(world.read(&artifact, "a/app.yaml").await, "v: 1\n");
}

#[tokio::test]
async fn host_keys_are_checked_and_the_error_says_where_they_belong() {
    let test = "host_keys_are_checked_and_the_error_says_where_they_belong";
    let Some((world, sshd)) = world(test) else {
        return;
    };
    let unknown = credentials(&sshd, &sshd.key());
    world.sources.set_credentials(unknown.clone());
    let error = refusal(&world, &sshd).await;
    assert_eq!(error.class(), Class::Denied, "{error}");
    assert!(error.message.contains("is not known"), "{error}");
    let hint = error.hint.unwrap();
    assert!(hint.contains("argocd-ssh-known-hosts-cm"), "{hint}");
    assert!(hint.contains("ssh-keyscan -p"), "{hint}");

    let changed = unknown.clone().with_known_hosts(&sshd.wrong_known_host());
    world.sources.set_credentials(changed);
    let error = refusal(&world, &sshd).await;
    assert!(
        error.message.contains("another key than the known one"),
        "{error}"
    );

    // Once the line is right, the same repository is read.
    world
        .sources
        .set_credentials(unknown.with_known_hosts(&sshd.known_host()));
    let repo = repo(&world, &sshd);
    world.sources.refresh(&repo).await.unwrap();
}

#[tokio::test]
async fn insecure_takes_any_host_key_of_its_own_repository_alone() {
    let test = "insecure_takes_any_host_key_of_its_own_repository_alone";
    let Some((world, sshd)) = world(test) else {
        return;
    };
    let url = sshd.url(&world.repos().join("app.git"));
    let secret = Object::new(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "lax", "namespace": "argocd",
            "labels": {"argocd.argoproj.io/secret-type": "repository"}},
        "stringData": {"url": url, "sshPrivateKey": sshd.key(), "insecureIgnoreHostKey": "true"},
    }));
    let (credentials, _) = Credentials::of([&secret.unwrap()]);
    world.sources.set_credentials(credentials);
    let artifact = world.resolve(&repo(&world, &sshd), "main").await.unwrap();
    assert_eq!(world.read(&artifact, "a/app.yaml").await, "v: 1\n");
    world.make("other.git");
    let other = sshd.url(&world.repos().join("other.git"));
    let other = world.sources.repo(&other, "default");
    let error = world.resolve(&other, "main").await.unwrap_err();
    assert!(error.message.contains("is not known"), "{error}");
}

#[tokio::test]
async fn a_wrong_key_a_broken_key_and_no_key_are_told_apart() {
    let test = "a_wrong_key_a_broken_key_and_no_key_are_told_apart";
    let Some((world, sshd)) = world(test) else {
        return;
    };
    let known = sshd.known_host();
    for (key, message, hint) in [
        (
            sshd.other_key(),
            "refuses the key of the credential `argocd/key`",
            "public half",
        ),
        ("no key at all".into(), "cannot be read", "passphrase"),
        (
            String::new(),
            "wants a key for user `git`, and there is none",
            "argosy repo add",
        ),
    ] {
        let credentials = credentials(&sshd, &key).with_known_hosts(&known);
        world.sources.set_credentials(credentials);
        let error = refusal(&world, &sshd).await;
        assert_eq!(error.kind, SourceErrorKind::Unauthorized, "{error}");
        assert!(error.message.contains(message), "{error}");
        let given = error.hint.unwrap();
        assert!(given.contains(hint), "{given}");
        let secret = sshd.other_key();
        let line = secret.lines().nth(2).unwrap();
        assert!(!format!("{} {given}", error.message).contains(line));
    }
}

#[tokio::test]
async fn a_path_without_a_repository_is_none_and_a_closed_port_is_unreachable() {
    let test = "a_path_without_a_repository_is_none_and_a_closed_port_is_unreachable";
    let Some((world, sshd)) = world(test) else {
        return;
    };
    let credentials = credentials(&sshd, &sshd.key()).with_known_hosts(&sshd.known_host());
    world.sources.set_credentials(credentials);
    let none = sshd.url(&world.repos().join("it's none.git"));
    let error = world
        .resolve(&world.sources.repo(&none, ""), "main")
        .await
        .unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::NoRepository, "{error}");
    let closed = world.sources.repo("ssh://git@127.0.0.1:1/x", "");
    let error = world.resolve(&closed, "main").await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::Unreachable, "{error}");
    assert!(error.message.contains("refused"), "{error}");
}

/// A real agent with one key; it ends when dropped.
struct Agent {
    child: Child,
    socket: PathBuf,
}

impl Agent {
    #[allow(clippy::zombie_processes)] // a test that fails here ends the agent's user with it
    fn start(dir: &std::path::Path, key: &std::path::Path) -> Self {
        let socket = dir.join("agent");
        let child = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(&socket)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        loop {
            let added = Command::new("ssh-add")
                .arg("-q")
                .arg(key)
                .env("SSH_AUTH_SOCK", &socket)
                .stderr(std::process::Stdio::null())
                .status()
                .unwrap();
            if added.success() {
                return Self { child, socket };
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "no agent");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn the_operators_agent_is_asked_only_where_it_is_allowed() {
    let test = "the_operators_agent_is_asked_only_where_it_is_allowed";
    let Some((world, sshd)) = world(test) else {
        return;
    };
    let key = world.dir.path().join("key");
    std::fs::copy(sshd.key_file(), &key).unwrap();
    let agent = Agent::start(world.dir.path(), &key);
    let known = world.dir.path().join("known hosts");
    std::fs::write(&known, sshd.known_host()).unwrap();
    let none = Credentials::default().with_known_hosts(&sshd.known_host());
    world.sources.set_credentials(none);
    let error = refusal(&world, &sshd).await;
    assert!(error.message.contains("there is none"), "{error}");
    let socket = agent.socket.clone();
    let with_agent = opened(World::with(|settings| {
        settings.ssh.agent = Some(SshAgent {
            socket,
            known_hosts: Some(known),
        });
    }));
    let repo = repo(&with_agent, &sshd);
    let artifact = with_agent.resolve(&repo, "main").await.unwrap();
    assert_eq!(with_agent.read(&artifact, "a/app.yaml").await, "v: 1\n");
    // A credential with a key of its own is not helped by the agent.
    let other = credentials(&sshd, &sshd.other_key()).with_known_hosts(&sshd.known_host());
    with_agent.sources.set_credentials(other);
    let error = refusal(&with_agent, &sshd).await;
    assert!(error.message.contains("refuses the key"), "{error}");
}

#[tokio::test]
async fn a_silent_server_and_a_cut_connection_leave_the_mirror_as_it_was() {
    let test = "a_silent_server_and_a_cut_connection_leave_the_mirror_as_it_was";
    let Some(sshd) = Sshd::start_or_skip(test, SshdOptions::default()) else {
        return;
    };
    let world = opened(World::with(|settings| {
        settings.patience = Patience {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(5),
            ..Patience::default()
        };
    }));
    let credentials = credentials(&sshd, &sshd.key()).with_known_hosts(&sshd.known_host());
    world.sources.set_credentials(credentials);
    let repo = repo(&world, &sshd);
    let first = world.resolve(&repo, "main").await.unwrap();
    sshd.set_silent(true);
    let begun = Instant::now();
    let error = world.sources.refresh(&repo).await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::Unreachable, "{error}");
    assert!(
        begun.elapsed() < Duration::from_secs(40),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(world.resolve(&repo, "main").await.unwrap(), first);
    sshd.cut();
    sshd.set_silent(false);
    world.sources.refresh(&repo).await.unwrap();
}
