//! The program's arguments, and what becomes of a program that hangs or is not there.

use super::*;

fn dial<'d>(
    address: &'d Address,
    credential: &'d Credential,
    settings: &'d SshSettings,
) -> Dial<'d> {
    Dial {
        address,
        credential,
        known_hosts: "h ssh-ed25519 AAAA\n",
        settings,
        patience: Patience {
            connect: Duration::from_millis(100),
            first_byte: Duration::from_millis(100),
            silence: Duration::from_millis(100),
            whole: Duration::from_secs(5),
        },
        max_bytes: 1000,
    }
}

fn address() -> Address {
    Address::parse("ssh://bob@h:2222/a b").unwrap().unwrap()
}

fn shown(credential: &Credential, settings: &SshSettings) -> Vec<String> {
    let files = Files {
        key: (!credential.ssh_key.reveal().is_empty()).then(|| PrivateFile::new(b"key").unwrap()),
        known_hosts: PrivateFile::new(b"").unwrap(),
    };
    dial(&address(), credential, settings)
        .arguments(&files)
        .into_iter()
        .map(|argument| argument.into_string().unwrap())
        .collect()
}

#[test]
fn host_and_command_come_last_and_no_configuration_counts() {
    let arguments = shown(&Credential::default(), &SshSettings::default());
    assert_eq!(arguments[..3], ["-F", "none", "-Tax"]);
    let end = &arguments[arguments.len() - 7..];
    assert_eq!(
        end,
        [
            "-p",
            "2222",
            "-l",
            "bob",
            "--",
            "h",
            "git-upload-pack '/a b'"
        ]
    );
    for option in [
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "IdentityAgent=none",
        "IdentityFile=none",
        "IdentitiesOnly=yes",
    ] {
        assert!(arguments.iter().any(|one| one == option), "{option}");
    }
}

#[test]
fn a_credential_with_a_key_never_asks_the_agent() {
    let settings = SshSettings {
        agent: Some(SshAgent {
            socket: "/run/agent".into(),
            known_hosts: Some("/home/me/known".into()),
        }),
        ..SshSettings::default()
    };
    let without = shown(&Credential::default(), &settings);
    assert!(
        without
            .iter()
            .any(|one| one == "IdentityAgent=\"/run/agent\"")
    );
    assert!(
        without
            .iter()
            .any(|one| one.ends_with("\"/home/me/known\""))
    );
    let with = Credential {
        ssh_key: "key".to_owned().into(),
        ..Credential::default()
    };
    let with = shown(&with, &settings);
    assert!(with.iter().any(|one| one == "IdentityAgent=none"));
    assert!(with.iter().any(|one| one == "IdentitiesOnly=yes"));
    assert!(!with.iter().any(|one| one.contains("/run/agent")));
}

#[test]
fn no_program_is_an_error_that_names_it() {
    let settings = SshSettings {
        program: "/nowhere/ssh".into(),
        ..SshSettings::default()
    };
    let (address, credential) = (address(), Credential::default());
    let error = dial(&address, &credential, &settings).connect().err();
    assert!(error.unwrap().contains("`/nowhere/ssh`"));
}

/// A program in the place of `ssh` that takes no notice of its arguments.
fn fake(dir: &Path, script: &str) -> SshSettings {
    use std::os::unix::fs::PermissionsExt as _;
    let program = dir.join("ssh");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    SshSettings {
        program,
        agent: None,
    }
}

fn cause_of(script: &str) -> Option<Cause> {
    let dir = tempfile::tempdir().unwrap();
    let settings = fake(dir.path(), script);
    let (address, credential) = (address(), Credential::default());
    let mut wire = dial(&address, &credential, &settings).connect().unwrap();
    crate::fetch::greet(&mut wire.transport).unwrap_err();
    (wire.cause)()
}

#[test]
fn a_silent_server_is_given_up() {
    let begun = Instant::now();
    let cause = cause_of("exec sleep 60");
    let text = "the server does not answer in time".to_owned();
    assert_eq!(cause, Some(Cause::Broken(text)));
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn an_endless_answer_is_cut_at_its_limit() {
    let cause = cause_of(
        "printf '003a%040d HEAD\\000agent=x\\n' 1
         while :; do printf '003e%040d refs/heads/aaaaa\\n' 1; done",
    );
    assert_eq!(cause, Some(Cause::TooLarge(1000)));
}

#[test]
fn last_words_are_kept_in_part_and_never_block_the_program() {
    let script = "head -c 1000000 /dev/zero | tr '\\0' x >&2; exit 3";
    let Some(Cause::Ssh { text, code }) = cause_of(script) else {
        panic!("the words of the program");
    };
    assert_eq!((text.len(), code), (MAX_WORDS, Some(3)));
}

#[test]
fn a_key_from_another_system_is_made_readable() {
    let key = normal_key("  -----BEGIN\r\nabc\r\n-----END  ");
    assert_eq!(key.reveal(), b"-----BEGIN\nabc\n-----END\n");
}
