//! `.gitmodules`: which repositories belong where. The file is a stranger's, so only what is read
//! here counts of it, and nothing is ever run.

use gix::bstr::ByteSlice as _;

/// The largest `.gitmodules`, in bytes.
pub(super) const MAX_BYTES: u64 = 1 << 20;
/// Most modules that one file may name.
const MAX_DECLARED: usize = 1000;

/// One module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Declared {
    /// The parts of its path.
    pub path: Vec<String>,
    /// Its URL as written.
    pub url: String,
}

/// Reads the file. Modules without a path or URL, with `update = none`, or with a path that
/// leaves the repository are left out, as Git does not check them out either.
///
/// # Errors
/// A sentence, where it is no Git configuration or names too many modules.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Declared>, String> {
    let file = gix::config::File::from_bytes_no_includes(
        bytes,
        gix::config::file::Metadata::api(),
        gix::config::file::init::Options::default(),
    )
    .map_err(|error| error.to_string())?;
    let mut modules: Vec<Declared> = Vec::new();
    let sections = file.sections_by_name("submodule").into_iter().flatten();
    for section in sections {
        let text = |key: &str| {
            let value = section.value(key)?;
            value.to_str().ok().map(str::to_owned)
        };
        let (Some(path), Some(url)) = (text("path"), text("url")) else {
            continue;
        };
        if text("update").as_deref() == Some("none") || url.is_empty() {
            continue;
        }
        let Some(path) = parts(&path) else { continue };
        if modules.len() == MAX_DECLARED {
            return Err(format!("it names more than {MAX_DECLARED} submodules"));
        }
        // Git takes the last of two that say the same.
        modules.retain(|module| module.path != path);
        modules.push(Declared { path, url });
    }
    Ok(modules)
}

fn parts(path: &str) -> Option<Vec<String>> {
    let parts: Vec<String> = path
        .trim_end_matches('/')
        .split('/')
        .map(str::to_owned)
        .collect();
    let bad = |part: &String| {
        matches!(part.as_str(), "" | "." | "..") || part.eq_ignore_ascii_case(".git")
    };
    (!parts.iter().any(bad) && parts.len() <= 256).then_some(parts)
}

/// The URL of a module as the repository at `base` means it.
///
/// `Compat:` `./` and `../` are taken from the URL of the repository, part by part, as Git does;
/// after the last slash the colon of the short form of ssh divides.
pub(super) fn resolve(base: &str, url: &str) -> String {
    if !(url.starts_with("./") || url.starts_with("../") || url == "." || url == "..") {
        return url.to_owned();
    }
    let mut base = base.trim_end_matches('/');
    let mut rest = url;
    let mut divider = '/';
    loop {
        if let Some(next) = rest.strip_prefix("../") {
            rest = next;
        } else if rest == ".." {
            rest = "";
        } else if let Some(next) = rest.strip_prefix("./") {
            rest = next;
            continue;
        } else {
            break;
        }
        match base.rfind(['/', ':']) {
            // Not into the scheme, and not over the host.
            Some(at) if !base[..at].ends_with([':', '/']) && at > 0 => {
                divider = if base[at..].starts_with(':') {
                    ':'
                } else {
                    '/'
                };
                base = &base[..at];
            }
            _ => return url.to_owned(),
        }
    }
    let rest = rest.trim_end_matches('/');
    if rest.is_empty() || rest == "." {
        base.to_owned()
    } else {
        format!("{base}{divider}{rest}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn relative_urls_are_those_of_git() {
        for (base, url, wanted) in [
            (
                "https://h/org/app.git",
                "../lib.git",
                "https://h/org/lib.git",
            ),
            (
                "https://h/org/app",
                "../../other/lib",
                "https://h/other/lib",
            ),
            ("https://h/org/app", "./sub", "https://h/org/app/sub"),
            ("https://h/org/app/", "../lib/", "https://h/org/lib"),
            ("git@h:org/app.git", "../lib.git", "git@h:org/lib.git"),
            ("git@h:app.git", "../lib.git", "git@h:lib.git"),
            ("ssh://git@h:22/org/app", "../lib", "ssh://git@h:22/org/lib"),
            ("file:///srv/git/app", "../lib", "file:///srv/git/lib"),
            ("/srv/git/app", "../lib", "/srv/git/lib"),
            ("https://h/app", "https://o/lib", "https://o/lib"),
            ("https://h/app", "git@o:lib", "git@o:lib"),
        ] {
            assert_eq!(resolve(base, url), wanted, "{base} {url}");
        }
    }

    #[test]
    fn modules_are_read_and_what_leaves_the_repository_is_not() {
        let text = r#"
[submodule "lib"]
    path = vendor/lib ; a comment
    url = ../lib.git
[submodule "quoted"]
    path = "with blank"
    url = "https://h/a#b"
[submodule "never"]
    path = never
    url = https://h/never
    update = none
[submodule "up"]
    path = ../outside
    url = https://h/x
[submodule "git"]
    path = .GIT/modules
    url = https://h/x
[submodule "half"]
    path = half
[submodule "again"]
    path = vendor/lib
    url = https://h/later
[other]
    path = x
    url = y
"#;
        let modules = parse(text.as_bytes()).unwrap();
        let shown: Vec<(String, &str)> = modules
            .iter()
            .map(|module| (module.path.join("/"), module.url.as_str()))
            .collect();
        assert_eq!(
            shown,
            [
                ("with blank".to_owned(), "https://h/a#b"),
                ("vendor/lib".to_owned(), "https://h/later"),
            ]
        );
        assert!(parse(b"[submodule \"a\"\npath").is_err());
        assert_eq!(parse(b"").unwrap(), []);
    }

    #[test]
    fn too_many_modules_are_an_error() {
        let text: String = (0..=MAX_DECLARED)
            .map(|n| format!("[submodule \"{n}\"]\npath = p{n}\nurl = https://h/{n}\n"))
            .collect::<Vec<_>>()
            .concat();
        assert!(parse(text.as_bytes()).unwrap_err().contains("1000"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_or_leave_the_repository(
            text in "(\\[submodule \"[a-z\\\\\"]{0,3}\"\\]\n|path ?=|url=|[./a\"\\\\;# \t]{0,6}|\n){0,12}",
            base in "[a-z:/@.]{0,12}",
            url in "[./a:]{0,12}",
        ) {
            for module in parse(text.as_bytes()).unwrap_or_default() {
                prop_assert!(!module.path.iter().any(|part| part == ".." || part.is_empty()));
            }
            let _ = resolve(&base, &url);
        }
    }
}
