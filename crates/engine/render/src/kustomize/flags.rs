//! `kustomize.buildOptions`: the flags of `kustomize build` that a fleet's operator sets.

use argosy_kustomize::{BuildOptions, HelmOptions};

/// Reads flags as a command line has them, with blanks between them.
///
/// # Errors
/// A flag that there is not, a value that is missing or none.
///
/// Compat: the flags of kustomize 5.8. Those of programs and containers are taken and change
/// nothing: there are none here.
pub(super) fn parse(text: &str) -> Result<BuildOptions, String> {
    let mut options = BuildOptions::default();
    let mut helm = HelmOptions::default();
    let mut is_helm_enabled = false;
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        let (name, given) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let is_on = || match given {
            None | Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(format!("`{name}` is true or false, and not `{other}`")),
        };
        let mut value = || {
            let value = given.or_else(|| words.next());
            value.ok_or_else(|| format!("`{name}` lacks its value"))
        };
        match name {
            "--load-restrictor" => {
                options.load_anywhere = match value()? {
                    "LoadRestrictionsNone" | "none" => true,
                    "LoadRestrictionsRootOnly" => false,
                    other => return Err(format!("`{other}` is no load restrictor")),
                };
            }
            "--enable-helm" => is_helm_enabled = is_on()?,
            "--helm-kube-version" => value()?.clone_into(&mut helm.kube_version),
            "--helm-api-versions" => {
                let versions = value()?.split(',').map(str::to_owned);
                helm.api_versions.extend(versions);
            }
            "--reorder" => {
                options.unsorted = match value()? {
                    "none" => true,
                    "legacy" => false,
                    other => return Err(format!("`{other}` is no order")),
                };
            }
            "--enable-managedby-label" => options.managed_by_label = is_on()?,
            // As kustomize does: plugins include charts.
            "--enable-alpha-plugins" => is_helm_enabled |= is_on()?,
            "--enable-exec" | "--helm-debug" | "--as-current-user" | "--network"
            | "--stack-trace" => {
                is_on()?;
            }
            "--helm-command" | "--env" | "-e" | "--mount" | "--network-name" => {
                value()?;
            }
            other => return Err(format!("there is no flag `{other}`")),
        }
    }
    options.helm = is_helm_enabled.then_some(helm);
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn flags_are_read_as_a_command_line_has_them() {
        let options = parse(
            "--enable-helm --load-restrictor=LoadRestrictionsNone --helm-kube-version 1.30.0 \
             --helm-api-versions a/v1,b/v1 --helm-api-versions=c/v1 --reorder none \
             --enable-managedby-label --helm-command /bin/helm --enable-exec=false",
        )
        .unwrap();
        let helm = options.helm.unwrap();
        assert_eq!(helm.kube_version, "1.30.0");
        assert_eq!(helm.api_versions, ["a/v1", "b/v1", "c/v1"]);
        assert!(options.load_anywhere && options.unsorted && options.managed_by_label);
        assert!(parse("").unwrap().helm.is_none());
        assert!(parse("--enable-helm=false").unwrap().helm.is_none());
    }

    #[test]
    fn flags_that_are_none_are_named() {
        for (text, words) in [
            ("--enable-helmet", "no flag `--enable-helmet`"),
            ("build", "no flag `build`"),
            ("--output /etc", "no flag `--output`"),
            ("--enable-helm=maybe", "not `maybe`"),
            ("--load-restrictor", "lacks its value"),
            ("--load-restrictor x", "`x` is no load restrictor"),
            ("--reorder x", "`x` is no order"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(words), "{error}\n  lacks {words}");
        }
    }
}
