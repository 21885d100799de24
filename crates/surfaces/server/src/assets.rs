//! The page's files, embedded.

/// One file.
pub struct File {
    /// Its path, from `/`.
    pub path: &'static str,
    /// Its bytes.
    pub plain: &'static [u8],
    /// Its bytes, compressed.
    pub gzip: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// What is served where the page is not in this build.
const STUB: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<title>Argosy</title>
<h1>This build has no page</h1>
<p>Argosy was built without it. In the source folder, with Node 20 or later at hand:</p>
<pre>cargo xtask web
cargo build</pre>
<p>The API under <code>/api/</code> works all the same.</p>
</html>
";

/// The file at a path: the page itself for every path that names no file, so that each view has
/// an address; `None` where a file is meant that is not there.
pub fn find(path: &str) -> Option<&'static File> {
    static STUB_FILE: File = File {
        path: "/index.html",
        plain: STUB.as_bytes(),
        gzip: None,
    };
    let file = FILES.iter().find(|file| file.path == path);
    if file.is_some() {
        return file;
    }
    // Built files are under `/assets/`; no view is.
    if path.starts_with("/assets/") || path == "/favicon.ico" {
        return None;
    }
    FILES
        .iter()
        .find(|file| file.path == "/index.html")
        .or(Some(&STUB_FILE))
}

impl File {
    /// What kind of file it is.
    pub fn content_type(&self) -> &'static str {
        match self
            .path
            .rsplit_once('.')
            .map_or("", |(_, extension)| extension)
        {
            "html" => "text/html; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            "json" => "application/json",
            _ => "application/octet-stream",
        }
    }

    /// Whether its name changes with its content.
    pub fn is_immutable(&self) -> bool {
        self.path.starts_with("/assets/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_view_is_the_page_and_missing_files_are_missing() {
        for path in ["/", "/applications/argocd/web", "/anything.at.all"] {
            assert_eq!(find(path).unwrap().path, "/index.html");
        }
        assert!(find("/assets/missing.js").is_none());
        assert!(find("/favicon.ico").is_none());
    }

    #[test]
    fn no_file_of_the_page_is_too_large() {
        let first_load: usize = FILES
            .iter()
            .map(|file| file.gzip.unwrap_or(file.plain).len())
            .sum();
        assert!(first_load <= 120 << 10, "{first_load} bytes");
    }
}
