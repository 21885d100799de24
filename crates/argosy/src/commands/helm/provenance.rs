//! Provenance: who has signed a chart's archive, and `argosy helm verify`.

use super::access::default_keyring;
use super::flags::{Context, read_file};
use super::{HelmFailure, Outcome, io_text};
use argosy_helm::Metadata;
use argosy_object::Digest;
use argosy_oci::MAX_ARCHIVE_BYTES;
use argosy_openpgp::{Keyring, SecretKeyring, verify_clear};
use clap::Args;
use std::fmt;
use std::path::{Path, PathBuf};

/// Largest provenance file, and largest keyring.
const MAX_PROVENANCE: u64 = 1 << 20;
const MAX_KEYRING: u64 = 64 << 20;

/// Checks the provenance of a packed chart, as `helm verify` does.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy helm verify chart-1.2.3.tgz --keyring ./public.asc")]
pub struct VerifyCommand {
    /// Packed chart; its provenance file lies beside it
    path: PathBuf,
    /// Public keys [default: pubring.gpg of $GNUPGHOME or ~/.gnupg]
    #[arg(long, value_name = "FILE")]
    keyring: Option<PathBuf>,
}

impl VerifyCommand {
    pub(super) fn run(self, context: &Context<'_>) -> Outcome {
        let keyring = self.keyring.unwrap_or_else(|| default_keyring(context));
        context.print(&verify_file(&self.path, &keyring)?.to_string())
    }
}

/// A signature that holds, as helm prints it.
pub(super) struct Verified {
    identities: Vec<String>,
    fingerprint: String,
    file_hash: String,
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in &self.identities {
            writeln!(f, "Signed by: {name}")?;
        }
        writeln!(f, "Using Key With Fingerprint: {}", self.fingerprint)?;
        writeln!(f, "Chart Hash Verified: {}", self.file_hash)
    }
}

/// Checks an archive of the disk by the provenance file beside it.
pub(super) fn verify_file(path: &Path, keyring: &Path) -> Result<Verified, HelmFailure> {
    let shown = path.to_string_lossy();
    let meta = std::fs::metadata(path).map_err(|error| io_text("stat", &shown, &error))?;
    if meta.is_dir() {
        return Err("unpacked charts cannot be verified".into());
    }
    if !path
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("tgz"))
    {
        return Err("chart must be a tgz file".into());
    }
    let signed = format!("{shown}.prov");
    std::fs::metadata(&signed).map_err(|error| {
        let text = io_text("stat", &signed, &error);
        format!("could not load provenance file {signed}: {text}")
    })?;
    // Compat: the keyring comes before the archive.
    let keys = read_keyring(keyring)?;
    let data = read_file(path, MAX_ARCHIVE_BYTES)?;
    let signed = read_file(Path::new(&signed), MAX_PROVENANCE)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    check(&data, &signed, &name, &keys)
}

/// Writes the provenance of an archive, signed by a key of a keyring.
pub(super) fn sign(
    path: &Path,
    metadata: &Metadata,
    (key, keyring): (&str, &Path),
    passphrase: Option<&[u8]>,
) -> Outcome {
    let ring = SecretKeyring::parse(&read_file(keyring, MAX_KEYRING)?)?;
    let key = ring.choose(key)?;
    if key.is_locked() && passphrase.is_none() {
        return Err("the key has a passphrase: give it by --passphrase-file".into());
    }
    let data = read_file(path, MAX_ARCHIVE_BYTES)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let sum = format!("sha256:{}", Digest::of(&data).hex());
    let files = [(name.into_owned(), sum.into())];
    let files: argosy_object::Map<_, _> = files.into_iter().collect();
    let sums = argosy_object::json!({"files": files});
    let text = format!(
        "{}\n...\n{}",
        metadata.to_yaml(),
        argosy_yaml::to_string(&sums)
    );
    let now = jiff::Timestamp::now().as_second().max(0).unsigned_abs();
    let signed = key.clear_sign(&text, passphrase.unwrap_or_default(), now)?;
    let file = PathBuf::from(format!("{}.prov", path.display()));
    super::repositories::write(&file, signed.as_bytes(), 0o644)
}

/// Checks an archive of this name by its provenance.
pub(super) fn verify(
    data: &[u8],
    signed: &[u8],
    name: &str,
    keyring: &Path,
) -> Result<Verified, HelmFailure> {
    check(data, signed, name, &read_keyring(keyring)?)
}

fn read_keyring(path: &Path) -> Result<Keyring, HelmFailure> {
    let failed = |text: String| HelmFailure(format!("failed to load keyring: {text}"));
    let data = read_file(path, MAX_KEYRING).map_err(failed)?;
    Keyring::parse(&data).map_err(|error| failed(error.to_string()))
}

/// Compat: the text holds Chart.yaml, then `...`, then the sums of files.
fn check(data: &[u8], signed: &[u8], name: &str, keys: &Keyring) -> Result<Verified, HelmFailure> {
    let now = jiff::Timestamp::now().as_second().max(0).unsigned_abs();
    let clear = verify_clear(signed, keys, now)?;
    let mut parts = clear.text.split("\n...\n");
    let sums = parts
        .nth(1)
        .ok_or("message block must have at least two parts")?;
    let sums = argosy_yaml::from_str(sums).map_err(|error| error.text)?;
    let found = format!("sha256:{}", Digest::of(data).hex());
    match sums["files"][name].as_str() {
        None => Err(format!("provenance does not contain a SHA for a file named {name:?}").into()),
        Some(told) if told != found => {
            Err(format!("sha256 sum does not match for {name}: {told:?} != {found:?}").into())
        }
        Some(_) => Ok(Verified {
            identities: clear.signer.identities().to_vec(),
            fingerprint: clear.signer.fingerprint(),
            file_hash: found,
        }),
    }
}
