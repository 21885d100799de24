//! The reference registry, with our client and with helm's.

use crate::material::packed;
use argosy_helm::load_archive;
use argosy_oci::{
    ChartError, Login, Pushed, Reference, Registry, RegistryAccess, choose_tag, push_chart,
};
use argosy_testkit::realapi::{skipped, tool};
use argosy_testkit::registry::RealRegistry;
use std::path::Path;
use std::process::{Command, Output};

fn client(real: &RealRegistry, password: Option<&str>) -> Registry {
    Registry::new(RegistryAccess {
        host: real.host.clone(),
        is_plain_http: true,
        login: Login {
            username: password.map_or("", |_| "ann").into(),
            password: password.unwrap_or_default().to_owned().into(),
            ..Login::default()
        },
        ..RegistryAccess::default()
    })
}

fn push(
    registry: &Registry,
    real: &RealRegistry,
    version: &str,
    provenance: Option<&[u8]>,
) -> Result<Pushed, ChartError> {
    let data = packed("web", version);
    let chart = load_archive(&data).unwrap();
    let reference = Reference::parse(&format!("{}/charts/web:{version}", real.host))?;
    let created = "2023-11-14T22:13:20Z";
    push_chart(
        registry,
        &reference,
        &chart.metadata,
        (&data, provenance),
        created,
    )
}

#[test]
fn what_is_pushed_is_pulled_by_tag_and_by_digest() {
    let Some(real) = RealRegistry::start("what_is_pushed_is_pulled", false) else {
        return;
    };
    let registry = client(&real, None);
    let pushed = push(&registry, &real, "1.2.0+b.1", Some(b"signed")).unwrap();
    assert_eq!(pushed.reference.tag, "1.2.0_b.1");
    push(&registry, &real, "1.0.0", None).unwrap();
    let base = Reference::parse(&format!("{}/charts/web", real.host)).unwrap();
    let tags = registry.tags(&base).unwrap();
    let version = choose_tag(&tags, "^1").unwrap();
    assert_eq!(version, "1.2.0+b.1");
    let pulled = registry.pull(&base.at(&version), true).unwrap();
    assert_eq!(pulled.archive, packed("web", "1.2.0+b.1"));
    assert_eq!(pulled.provenance.as_deref(), Some(&b"signed"[..]));
    assert_eq!(pulled.manifest_digest, pushed.digest);
    let by_digest = Reference {
        digest: pushed.digest,
        ..base.clone()
    };
    assert_eq!(
        registry.pull(&by_digest, false).unwrap().archive,
        pulled.archive
    );
    let error = registry.pull(&base.at("9.9.9"), false).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "failed to perform \"FetchReference\" on source: {}/charts/web:9.9.9: not found",
            real.host
        )
    );
    let none = Reference::parse(&format!("{}/charts/none", real.host)).unwrap();
    assert_eq!(
        registry.tags(&none).unwrap_err().to_string(),
        format!(
            "GET \"http://{}/v2/charts/none/tags/list\": response status code 404: name unknown: \
             repository name not known to registry: map[name:charts/none]",
            real.host
        )
    );
}

#[test]
fn a_login_is_asked_for_and_taken() {
    let Some(real) = RealRegistry::start("a_login_is_asked_for_and_taken", true) else {
        return;
    };
    client(&real, Some("secret")).ping().unwrap();
    for password in [None, Some("guess")] {
        let error = client(&real, password).ping().unwrap_err();
        assert!(
            error
                .to_string()
                .contains("response status code 401: unauthorized"),
            "{error}"
        );
        assert!(push(&client(&real, password), &real, "1.0.0", None).is_err());
    }
    push(&client(&real, Some("secret")), &real, "1.0.0", None).unwrap();
}

fn helm(program: &Path, home: &Path, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .arg("--plain-http")
        .current_dir(home)
        .env_clear()
        .env("HOME", home)
        .output()
        .unwrap()
}

/// Helm's own push of the same chart gives the same manifest, byte for byte, and each pulls what
/// the other has sent.
#[test]
fn helm_and_we_send_the_same_and_read_each_other() {
    let test = "helm_and_we_send_the_same_and_read_each_other";
    let Some(real) = RealRegistry::start(test, false) else {
        return;
    };
    let Some(program) = tool("helm") else {
        skipped(test, "no helm; run `cargo xtask kubeassets`");
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let registry = client(&real, None);
    let data = packed("web", "1.0.0");
    let file = home.path().join("web-1.0.0.tgz");
    std::fs::write(&file, &data).unwrap();
    let created = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    let handle = std::fs::File::options().append(true).open(&file).unwrap();
    handle.set_modified(created).unwrap();
    drop(handle);
    let remote = format!("oci://{}/helms", real.host);
    let sent = helm(&program, home.path(), &["push", "web-1.0.0.tgz", &remote]);
    assert!(sent.status.success(), "{sent:?}");
    let theirs = Reference::parse(&format!("{}/helms/web:1.0.0", real.host)).unwrap();
    let pulled = registry.pull(&theirs, false).unwrap();
    assert_eq!(pulled.archive, data);

    let chart = load_archive(&data).unwrap();
    let ours = Reference::parse(&format!("{}/ours/web:1.0.0", real.host)).unwrap();
    // Helm writes the time in the machine's zone, which is UTC without one.
    let pushed = push_chart(
        &registry,
        &ours,
        &chart.metadata,
        (&data, None),
        "2023-11-14T22:13:20Z",
    );
    assert_eq!(pushed.unwrap().digest, pulled.manifest_digest);
    let remote = format!("oci://{}/ours/web", real.host);
    std::fs::remove_file(&file).unwrap();
    let got = helm(
        &program,
        home.path(),
        &["pull", &remote, "--version", "1.0.0"],
    );
    assert!(got.status.success(), "{got:?}");
    assert_eq!(std::fs::read(&file).unwrap(), data);
}
