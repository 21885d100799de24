//! Embeds the page where it has been built (`cargo xtask web`); else there is a stub, so that
//! building Argosy never needs Node.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    // Its folder is in the repository, empty; what is built comes beside that.
    let dist = root.join("../../../web/dist");
    println!("cargo:rerun-if-changed={}", dist.display());
    println!("cargo:rerun-if-changed=build.rs");
    let page = dist.join("page");
    let mut files = Vec::new();
    if page.join("index.html").is_file() {
        collect(&page, &mut files)?;
    }
    files.sort();
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let mut code = format!("pub const HAS_PAGE: bool = {};\n", !files.is_empty());
    code.push_str("pub static FILES: &[File] = &[\n");
    for (number, file) in files.iter().enumerate() {
        let name = file.strip_prefix(&page).map_err(io::Error::other)?;
        let path = format!("/{}", name.display());
        let plain = embed(file, &out, &format!("{number}.plain"))?;
        let zipped = PathBuf::from(format!("{}.gz", file.display()));
        let gzip = if zipped.is_file() {
            format!("Some({})", embed(&zipped, &out, &format!("{number}.gz"))?)
        } else {
            "None".to_owned()
        };
        let _ = writeln!(
            code,
            "    File {{ path: {path:?}, plain: {plain}, gzip: {gzip} }},"
        );
    }
    code.push_str("];\n");
    fs::write(out.join("page.rs"), code)
}

/// Copies a file beside the code that embeds it, so that a page that is built anew meanwhile does
/// not take it away.
fn embed(file: &Path, out: &Path, name: &str) -> io::Result<String> {
    fs::copy(file, out.join(name))?;
    Ok(format!("include_bytes!({name:?})"))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_none_or(|extension| extension != "gz") {
            files.push(path);
        }
    }
    Ok(())
}
