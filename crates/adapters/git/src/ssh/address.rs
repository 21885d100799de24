//! Where an ssh URL leads. What is not plainly a name, a host or a path is refused here, since
//! all three become arguments of a program.

/// A repository behind ssh.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    /// The user; `git` where the URL names none.
    pub user: String,
    /// Name or IP address, without brackets.
    pub host: String,
    /// The port, where the URL names one.
    pub port: Option<u16>,
    /// The repository's path on the server.
    pub path: String,
}

impl Address {
    /// Reads `ssh://[user@]host[:port]/path`, with `git+ssh` and `ssh+git` as other names of the
    /// scheme, or `[user@]host:path`. `None` where the text has neither form.
    ///
    /// `Compat:` `/~user/path` is a path in that user's home, as Git has it; without a user it is
    /// `git`, as Argo CD has it.
    ///
    /// # Errors
    /// A sentence, where a part is missing or is not one that may become an argument.
    pub(crate) fn parse(url: &str) -> Option<Result<Self, String>> {
        if let Some((scheme, rest)) = url.split_once("://") {
            let is_ssh = ["ssh", "git+ssh", "ssh+git"]
                .iter()
                .any(|known| scheme.eq_ignore_ascii_case(known));
            return is_ssh.then(|| Self::of_url(rest));
        }
        let (authority, path) = split_scp(url)?;
        Some(Self::of_parts(authority, None, path.to_owned()))
    }

    fn of_url(rest: &str) -> Result<Self, String> {
        let at = rest.find('/').ok_or("the URL names no path")?;
        let (authority, path) = rest.split_at(at);
        let path = super::decode(path);
        let path = match path.strip_prefix("/~") {
            Some(home) => format!("~{home}"),
            None => path,
        };
        let (name, port) = split_port(authority)?;
        Self::of_parts(&super::decode(name), port, path)
    }

    fn of_parts(authority: &str, port: Option<u16>, path: String) -> Result<Self, String> {
        let (user, host) = authority.rsplit_once('@').unwrap_or(("git", authority));
        if user.contains(':') {
            return Err("a password in an ssh URL is of no use: ssh takes keys".into());
        }
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        if !is_name(host, ".-_:") {
            return Err("the host's name has characters that no host has".into());
        }
        if !is_name(user, ".-_+=@~") {
            return Err("the user's name has characters that no user has".into());
        }
        if path.is_empty() || path == "/" || path.starts_with('-') {
            return Err("the path names no repository".into());
        }
        if path.chars().any(char::is_control) {
            return Err("the path has control characters".into());
        }
        Ok(Self {
            user: user.to_owned(),
            host: host.to_lowercase(),
            port,
            path,
        })
    }

    /// The host as `known_hosts` names it.
    pub(crate) fn known_as(&self) -> String {
        match self.port {
            Some(port) if port != 22 => format!("[{}]:{port}", self.host),
            _ => self.host.clone(),
        }
    }

    /// What the server is asked to run.
    pub(crate) fn command(&self) -> String {
        let mut command = String::from("git-upload-pack '");
        for c in self.path.chars() {
            match c {
                // As Git itself quotes: the server's shell, or what stands in its place, reads it.
                '\'' | '!' => command.extend(["'\\", c.encode_utf8(&mut [0; 4]), "'"]),
                c => command.push(c),
            }
        }
        command.push('\'');
        command
    }
}

/// Begins with a letter or digit (an IPv6 address may begin with a colon), and has nothing in it
/// but those and `others`.
fn is_name(text: &str, others: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric();
    !text.is_empty()
        && text.len() <= 255
        && (text.starts_with(is_plain) || text.starts_with(['_', ':']))
        && text.chars().all(|c| is_plain(c) || others.contains(c))
}

/// Cuts `host:path`, where the text is that. A slash before the colon makes it a path.
fn split_scp(text: &str) -> Option<(&str, &str)> {
    let end = match text.find('[') {
        Some(open) if !text[..open].contains([':', '/']) => text[open..].find(']')? + open,
        _ => 0,
    };
    let colon = end + text[end..].find(':')?;
    let (authority, path) = (&text[..colon], &text[colon + 1..]);
    // Two colons would name a program of Git's that helps, and we run none.
    (!authority.contains('/') && colon > 0 && !path.starts_with(':')).then_some((authority, path))
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), String> {
    let end = authority.rfind(']').map_or(0, |at| at + 1);
    let user_end = authority.rfind('@').map_or(0, |at| at + 1).max(end);
    match authority[user_end..].rfind(':') {
        None => Ok((authority, None)),
        Some(at) => {
            let (name, port) = authority.split_at(user_end + at);
            match &port[1..] {
                "" => Ok((name, None)),
                digits => match digits.parse() {
                    Ok(port) if port > 0 => Ok((name, Some(port))),
                    _ => Err(format!("`{digits}` is no port")),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_is_read_is_no_option_and_one_quoted_word(
            url in "(ssh://|git\\+ssh://|)[-a@%2d:\\[\\]/.'! $\u{e9}]{0,24}",
        ) {
            if let Some(Ok(address)) = Address::parse(&url) {
                for part in [&address.user, &address.host, &address.path] {
                    prop_assert!(!part.is_empty() && !part.starts_with('-'), "{part}");
                }
                // Taken apart as a shell does, it is the path again.
                let command = address.command();
                let quoted = command.strip_prefix("git-upload-pack ").unwrap();
                let (mut word, mut is_quoted, mut is_escaped) = (String::new(), false, false);
                for c in quoted.chars() {
                    match c {
                        '\'' if !is_escaped => is_quoted = !is_quoted,
                        '\\' if !is_quoted && !is_escaped => is_escaped = true,
                        c => {
                            prop_assert!(is_quoted || is_escaped, "{command}");
                            word.push(c);
                            is_escaped = false;
                        }
                    }
                }
                prop_assert_eq!(word, address.path);
            }
        }
    }

    fn shown(url: &str) -> String {
        match Address::parse(url) {
            None => "none".into(),
            Some(Err(why)) => format!("refused: {why}"),
            Some(Ok(a)) => format!(
                "{} {} {} {}",
                a.user,
                a.known_as(),
                a.port.unwrap_or(0),
                a.path
            ),
        }
    }

    #[test]
    fn every_form_of_git_is_read() {
        for (url, wanted) in [
            ("git@H.example:org/app.git", "git h.example 0 org/app.git"),
            ("h.example:/srv/app.git", "git h.example 0 /srv/app.git"),
            ("ssh://bob@h/srv/app", "bob h 0 /srv/app"),
            ("SSH://h:2222/srv/a%20b", "git [h]:2222 2222 /srv/a b"),
            ("ssh://git@h:22/x", "git h 22 /x"),
            ("ssh://git@h:/x", "git h 0 /x"),
            ("git+ssh://git@h/~me/x", "git h 0 ~me/x"),
            ("ssh://git@[::1]:2200/x", "git [::1]:2200 2200 /x"),
            ("git@[::1]:x", "git ::1 0 x"),
            (
                "ssh://me@corp.example@source.example:2022/p/x",
                "me@corp.example [source.example]:2022 2022 /p/x",
            ),
        ] {
            assert_eq!(shown(url), wanted, "{url}");
        }
        for url in [
            "https://h/x",
            "/srv/a:b",
            "./a:b",
            "file:///x",
            "plain",
            "ext::id",
        ] {
            assert_eq!(shown(url), "none", "{url}");
        }
    }

    #[test]
    fn nothing_can_become_an_option_or_another_command() {
        for url in [
            "ssh://-oProxyCommand=id/x",
            "ssh://git@-oProxyCommand=id/x",
            "ssh://%2doProxyCommand=id/x",
            "-oProxyCommand=id:x",
            "git@-h:x",
            "ssh://-l@h/x",
            "-l@h:x",
            "git@h:-x",
            "git@h:--upload-pack=id",
            "ssh://h/a%0ab",
            "ssh://h x/a",
            "ssh://h;id/a",
            "ssh://$(id)@h/a",
            "ssh://h/",
            "ssh://h",
            "ssh:///x",
            "ssh://u:p@h/x",
            "ssh://h:0/x",
            "ssh://h:99999/x",
            "git@h:",
        ] {
            assert!(shown(url).starts_with("refused"), "{url}: {}", shown(url));
        }
    }

    #[test]
    fn paths_are_quoted_for_the_servers_shell() {
        let of = |path: &str| {
            let address = Address::parse(&format!("h:{path}")).unwrap().unwrap();
            address.command()
        };
        assert_eq!(of("a b.git"), "git-upload-pack 'a b.git'");
        assert_eq!(of("a';id;'"), "git-upload-pack 'a'\\'';id;'\\'''");
        assert_eq!(of("a!b"), "git-upload-pack 'a'\\!'b'");
        assert_eq!(of("$(id)`id`"), "git-upload-pack '$(id)`id`'");
    }
}
