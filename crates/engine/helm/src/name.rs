//! `--name-template`: a release's name made by a template.

use std::sync::Arc;

use argosy_gotmpl::{GoTime, Limits, SetBuilder, Value};
use argosy_object::Digest;

use crate::error::HelmError;
use crate::funcs::{Lookups, RenderEnv};

/// Renders the template of a release's name, which has sprig's functions and no values.
///
/// # Errors
/// Go's words.
pub fn name_of_template(template: &str, now: &GoTime, seed: Digest) -> Result<String, HelmError> {
    const NAME: &str = "name-template";
    let functions = Arc::new(argosy_sprig::functions().clone());
    let mut builder = SetBuilder::new(NAME, functions);
    builder
        .add(NAME, template)
        .map_err(|error| HelmError::Values(error.text.clone()))?;
    let mut env = RenderEnv::new(now.clone(), seed, Lookups::Off, None);
    let limits = Limits::default();
    let mut out = Vec::new();
    builder
        .build()
        .execute(NAME, &Value::Nil, &mut env, &limits, &mut out)
        .map_err(|error| HelmError::Values(error.text.clone()))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_of_functions_and_fail_in_gos_words() {
        let epoch = jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC);
        let now = GoTime::new(epoch);
        let name = |text: &str| name_of_template(text, &now, Digest::of(b"seed"));
        assert_eq!(name("a-{{ upper \"b\" | lower }}"), Ok("a-b".to_owned()));
        assert_eq!(name("{{ randAlpha 5 }}").map(|name| name.len()), Ok(5));
        let error = name("{{ nothing }}").expect_err("there is no such function");
        assert_eq!(
            error.to_string(),
            "template: name-template:1: function \"nothing\" not defined"
        );
    }
}
