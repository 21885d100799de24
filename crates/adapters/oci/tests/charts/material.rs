//! Charts for tests, and the indexes that name them.

use argosy_helm::{load_folder, pack};
use argosy_object::Digest;
use argosy_tree::{Limits, MemoryTree, RelPath, Rooted};

/// A packed chart of this name and version.
pub fn packed(name: &str, version: &str) -> Vec<u8> {
    let chart = format!(
        "apiVersion: v2\nname: {name}\nversion: {version}\ndescription: A & B\n\
         maintainers:\n- {{name: Ann, email: ann@example.com}}\nannotations: {{a/b: c}}\n"
    );
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n\
                    data:\n  k: {{ .Chart.Version | quote }}\n";
    let files = [
        ("Chart.yaml", chart.as_str()),
        ("values.yaml", "a: 1\n"),
        ("templates/a.yaml", template),
    ];
    let tree = MemoryTree::new(files.map(|(path, text)| (path, text.to_owned())));
    let reader = Rooted::new(&tree, Limits::default());
    let chart = load_folder(&reader, &RelPath::root()).unwrap();
    pack(&chart, 1_700_000_000).unwrap()
}

/// One entry of an index.
pub struct Entry<'e> {
    pub name: &'e str,
    pub version: &'e str,
    pub url: &'e str,
    pub digest: &'e str,
}

/// An index of these entries.
pub fn index(entries: &[Entry<'_>]) -> String {
    let mut text = "apiVersion: v1\nentries:\n".to_owned();
    let mut names: Vec<&str> = entries.iter().map(|entry| entry.name).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        text.push_str(&format!("  {name}:\n"));
        for Entry {
            version,
            url,
            digest,
            ..
        } in entries.iter().filter(|entry| entry.name == name)
        {
            text.push_str(&format!(
                "  - apiVersion: v2\n    name: {name}\n    version: {version}\n    digest: \
                 {digest:?}\n    urls:\n    - {url}\n"
            ));
        }
    }
    text
}

/// SHA-256 in hex.
pub fn hex(data: &[u8]) -> String {
    Digest::of(data).hex()
}
