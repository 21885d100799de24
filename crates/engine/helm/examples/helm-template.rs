//! Renders a chart folder as `helm template NAME FOLDER [-n NAMESPACE] [-f VALUES].. [--set ..]`
//! does, for comparisons over many charts. The product's own command is in the binary.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a tool for developers"
)]

use std::path::Path;

use argosy_helm::{ChartRequest, SetKind, SetValue, TemplateCache, template_chart};
use argosy_tree::{Limits, MemoryTree, Mode, RelPath, Rooted};
use bytes::Bytes;

fn collect(folder: &Path, inner: &RelPath, files: &mut Vec<(RelPath, (Mode, Bytes))>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let inner = inner.child(&entry.file_name().to_string_lossy());
        if path.is_dir() {
            collect(&path, &inner, files);
        } else if let Ok(data) = std::fs::read(&path) {
            files.push((inner, (Mode::File, data.into())));
        }
    }
}

fn main() {
    let mut args = std::env::args().skip(1).peekable();
    let mut request = ChartRequest::default();
    let mut plain = Vec::new();
    let mut repeat = 1;
    while let Some(arg) = args.next() {
        let mut value = || args.next().unwrap_or_default();
        match arg.as_str() {
            "helm" | "template" if plain.is_empty() => {}
            "-n" => request.namespace = value(),
            "-f" => {
                let name = value();
                let data = std::fs::read(&name).unwrap_or_default();
                request.values_files.push((name, data.into()));
            }
            "--set" => request.set.push(SetValue {
                kind: SetKind::Set,
                text: value(),
            }),
            "--include-crds" => request.include_crds = true,
            "--repeat" => repeat = value().parse().unwrap_or(1),
            _ => plain.push(arg),
        }
    }
    let [name, folder] = plain.as_slice() else {
        eprintln!("usage: helm-template NAME FOLDER [-n NAMESPACE] [-f VALUES] [--set LINE]");
        std::process::exit(2);
    };
    request.release_name.clone_from(name);
    request.now = argosy_gotmpl::GoTime::new(jiff::Zoned::now());
    let mut files = Vec::new();
    collect(Path::new(folder), &RelPath::root(), &mut files);
    let tree = MemoryTree::from_entries(files);
    let cache = TemplateCache::new();
    let started = std::time::Instant::now();
    for turn in 1..=repeat {
        let result = template_chart(&Rooted::new(&tree, Limits::default()), &request, &cache);
        match result {
            Ok(rendered) if turn == repeat => {
                print!("{}", rendered.output(request.output_options()))
            }
            Ok(_) => {}
            Err(error) => {
                eprintln!("Error: {error}");
                std::process::exit(1);
            }
        }
    }
    if repeat > 1 {
        eprintln!("{:?} each", started.elapsed() / repeat);
    }
}
