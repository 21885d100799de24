//! What goes to a post-renderer, and what comes back.

use super::*;

fn files(texts: &[(&str, &str)]) -> BTreeMap<String, GoStr> {
    let texts = texts.iter();
    texts
        .map(|(file, text)| ((*file).to_owned(), GoStr::from(*text)))
        .collect()
}

fn made(run: impl Fn(&str) -> Result<String, String> + Send + Sync + 'static) -> PostRenderer {
    std::sync::Arc::new(run)
}

fn same() -> PostRenderer {
    made(|stream| Ok(stream.to_owned()))
}

#[test]
fn objects_carry_the_names_of_their_files() {
    let merged = merge(&files(&[
        ("c/templates/_h.tpl", "a: 1"),
        (
            "c/templates/a.yaml",
            "---\nkind: A\n---\nkind: B\nmetadata:\n  name: b\n",
        ),
        ("c/templates/empty.yaml", "\n"),
    ]));
    assert_eq!(
        merged.as_deref(),
        Ok(
            "kind: A\nmetadata:\n  annotations:\n    postrenderer.helm.sh/postrender-filename: \
             'c/templates/a.yaml'\n---\nkind: B\nmetadata:\n  name: b\n  annotations:\n    \
             postrenderer.helm.sh/postrender-filename: 'c/templates/a.yaml'\n"
        )
    );
}

#[test]
fn objects_come_back_to_their_files_and_new_ones_to_files_of_their_own() {
    let renderer = made(|stream| Ok(format!("{stream}---\nkind: New\n")));
    let there = files(&[
        ("c/b.yaml", "kind: B\nmetadata: {name: b}\n"),
        (
            "c/a.yaml",
            "kind: A # one\nmetadata:\n    annotations:\n        x: \"y\"\n",
        ),
    ]);
    let back = apply(&there, &renderer).expect("it renders");
    assert_eq!(
        back,
        files(&[
            (
                "c/a.yaml",
                "kind: A # one\nmetadata:\n  annotations:\n    x: \"y\"\n"
            ),
            ("c/b.yaml", "kind: B\nmetadata: {name: b}\n"),
            ("generated-by-postrender-2.yaml", "kind: New\n"),
        ])
    );
}

#[test]
fn faults_tell_where_they_are() {
    let renderer = made(|_| Err("it is broken".to_owned()));
    let there = files(&[("c/a.yaml", "kind: A\n")]);
    fn text(renderer: &PostRenderer, there: &BTreeMap<String, GoStr>) -> String {
        match apply(there, renderer) {
            Err(HelmError::PostRender(text)) => text,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        text(&renderer, &there),
        "error while running post render on files: it is broken"
    );
    let renderer = made(|_| Ok("a: [".to_owned()));
    let fault = text(&renderer, &there);
    assert!(
        fault.starts_with("error while parsing post rendered output: error parsing YAML: "),
        "{fault}"
    );
    let broken = files(&[("c/a.yaml", "a: [\n")]);
    let fault = text(&same(), &broken);
    assert!(
        fault.starts_with("error merging manifests: parsing c/a.yaml: MalformedYAMLError: "),
        "{fault}"
    );
    let broken = files(&[("c/a.yaml", "a: 1\n--- b\n")]);
    assert_eq!(
        text(&same(), &broken),
        "error merging manifests: parsing c/a.yaml: invalid document separator: --- b"
    );
}

#[test]
fn separators_that_were_trimmed_are_mended() {
    assert_eq!(
        with_separators("---a: 1\nb: x---y\n---\n--- # c\n"),
        "---\na: 1\nb: x---y\n---\n--- # c\n"
    );
}
