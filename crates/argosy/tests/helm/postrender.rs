//! `--post-renderer`, with helm and without.

use argosy_testkit::realapi;
use std::path::Path;
use std::process::Command;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/helm");

/// What a program says to a line: its code, its output and its errors.
fn said(program: &Path, first: &[&str], line: &str) -> (Option<i32>, String, String) {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(program)
        .args(first)
        .args(line.split_whitespace())
        .env_clear()
        .env(
            "HELM_PLUGINS",
            format!("{FOLDER}/plugins:{FOLDER}/odd-plugins"),
        )
        .env("HOME", home.path())
        .current_dir(FOLDER)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    let status = output.status.code();
    (status, text(&output.stdout), text(&output.stderr))
}

fn argosy(line: &str) -> (Option<i32>, String, String) {
    said(Path::new(env!("CARGO_BIN_EXE_argosy")), &["helm"], line)
}

#[test]
fn charts_are_post_rendered_as_helm_does() {
    let Some(helm) = realapi::tool("helm") else {
        realapi::skipped("charts_are_post_rendered_as_helm_does", "no helm");
        return;
    };
    for line in [
        "template web charts/odd --post-renderer same",
        "template web charts/web --post-renderer same",
        "template web ../../../../conformance/charts/shop --post-renderer same",
        "template web ../../../../conformance/charts/toys --post-renderer same --include-crds",
        "template web charts/odd --post-renderer mark --post-renderer-args a --post-renderer-args -b",
        "template web charts/web --post-renderer-args=a,b --post-renderer=mark --no-hooks",
        "template web charts/web --post-renderer mark -s generated-by-postrender-2.yaml",
        "template web charts/web --post-renderer mark --post-renderer same",
        "template web charts/odd --post-renderer silent",
        "template web charts/odd --post-renderer failing",
        "template web charts/odd --post-renderer nothing",
        "template web charts/odd --post-renderer broken",
    ] {
        let (ours, theirs) = (argosy(line), said(&helm, &[], line));
        let words = |text: &str| {
            // Warnings of plugins that cannot be loaded differ in words.
            let lines = text.lines().filter(|line| !line.starts_with("level=WARN"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(ours.1, theirs.1, "{line}\n{}", ours.2);
        assert_eq!(
            (ours.0, words(&ours.2)),
            (theirs.0, words(&theirs.2)),
            "{line}"
        );
    }
}

#[test]
fn post_renderers_that_are_no_programs_are_refused() {
    let (code, out, error) = argosy("template web charts/odd --post-renderer wasm");
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(
        error.contains("runtime extism/v1), which is not run here"),
        "{error}"
    );
    assert!(
        error.contains("failed to load plugin (ignoring)"),
        "the broken one is told of: {error}"
    );
}
