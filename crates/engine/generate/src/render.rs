//! Rendering strings: Go templates, or the default mode's plain tags.

use crate::functions::table;
use crate::params::Params;
use argosy_gotmpl::{
    Env, ExecError, FuncTable, GoTime, Limits, MissingKey, Set, SetBuilder, Value,
};
use sha2::{Digest, Sha256};
use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// What errors call the template.
pub(crate) const TEMPLATE_NAME: &str = "base";

/// How many compiled strings one generation keeps.
const MAX_COMPILED: usize = 4096;

/// Renders the strings of one set.
pub(crate) struct Renderer {
    /// Whether Go templates are used.
    pub go: bool,
    missing_key: MissingKey,
    funcs: Arc<FuncTable>,
    compiled: RefCell<HashMap<(String, bool), Arc<Set>>>,
    now: GoTime,
    seed: [u8; 32],
}

/// What a template takes from outside: a fixed clock and randomness from a seed.
pub(crate) struct GenerateEnv {
    now: GoTime,
    /// What the randomness starts from: the caller's seed, the template and its parameters.
    seed: [u8; 32],
    text: String,
    params: Params,
    block: u64,
    left: Vec<u8>,
    /// How many calls of `tpl` are open.
    pub tpl_depth: usize,
}

impl Env for GenerateEnv {
    fn now(&mut self) -> GoTime {
        self.now.clone()
    }

    fn random(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            if self.left.is_empty() {
                self.mix_in_params();
                let mut hasher = Sha256::new_with_prefix(self.seed);
                hasher.update(self.block.to_le_bytes());
                self.left = hasher.finalize().to_vec();
                self.block += 1;
            }
            *byte = self.left.pop().unwrap_or_default();
        }
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

impl GenerateEnv {
    /// Makes the seed that of this template and these parameters, once: few templates ask.
    fn mix_in_params(&mut self) {
        if self.block > 0 {
            return;
        }
        let mut hasher = Sha256::new_with_prefix(self.seed);
        hasher.update(self.text.as_bytes());
        hasher.update(
            Value::Map(self.params.clone())
                .to_json()
                .to_string()
                .as_bytes(),
        );
        self.seed = hasher.finalize().into();
    }
}

/// Why a string could not be rendered.
#[derive(Debug)]
pub(crate) struct RenderFault {
    pub text: String,
    /// A key was missing, which a generator's `values` may do without.
    pub missing_key: bool,
}

impl Renderer {
    /// A renderer for `spec.goTemplate` and `spec.goTemplateOptions`.
    ///
    /// # Errors
    /// Names an option that Go does not know.
    pub(crate) fn new(
        go: bool,
        options: &[&str],
        now: jiff::Timestamp,
        seed: [u8; 32],
    ) -> Result<Self, String> {
        let mut missing_key = MissingKey::Default;
        for option in options {
            missing_key = match *option {
                "missingkey=default" | "missingkey=invalid" => MissingKey::Default,
                "missingkey=zero" => MissingKey::Zero,
                "missingkey=error" => MissingKey::Error,
                other => return Err(format!("unrecognized option: {other}")),
            };
        }
        Ok(Self {
            go,
            missing_key,
            funcs: table(),
            compiled: RefCell::default(),
            now: GoTime::new(now.to_zoned(jiff::tz::TimeZone::UTC)),
            seed,
        })
    }

    /// Renders one string. `strict` makes a missing key an error whatever the options say.
    pub(crate) fn replace(
        &self,
        text: &str,
        params: &Params,
        strict: bool,
    ) -> Result<String, RenderFault> {
        if !text.contains("{{") {
            return Ok(text.to_owned());
        }
        if !self.go {
            let fault = |text| RenderFault {
                text,
                missing_key: false,
            };
            return replace_tags(text, params).map_err(fault);
        }
        let set = self.compile(text, strict).map_err(|error| RenderFault {
            text: format!("failed to parse template {text}: {error}"),
            missing_key: false,
        })?;
        self.execute(&set, text, params)
            .map_err(|error| RenderFault {
                missing_key: error.text.contains("map has no entry for key")
                    || error.text.contains("can't evaluate field"),
                text: format!("failed to execute go template {text}: {error}"),
            })
    }

    fn compile(&self, text: &str, strict: bool) -> Result<Arc<Set>, String> {
        let key = (text.to_owned(), strict);
        if let Some(set) = self.compiled.borrow().get(&key) {
            return Ok(set.clone());
        }
        let missing_key = if strict {
            MissingKey::Error
        } else {
            self.missing_key
        };
        let mut builder =
            SetBuilder::new(TEMPLATE_NAME, self.funcs.clone()).missing_key(missing_key);
        builder
            .add(TEMPLATE_NAME, text)
            .map_err(|error| error.to_string())?;
        let set = builder.build();
        let mut compiled = self.compiled.borrow_mut();
        if compiled.len() >= MAX_COMPILED {
            compiled.clear();
        }
        compiled.insert(key, set.clone());
        Ok(set)
    }

    fn execute(&self, set: &Arc<Set>, text: &str, params: &Params) -> Result<String, ExecError> {
        let mut env = GenerateEnv {
            now: self.now.clone(),
            seed: self.seed,
            text: text.to_owned(),
            params: params.clone(),
            block: 0,
            left: Vec::new(),
            tpl_depth: 0,
        };
        let limits = Limits {
            steps: 5_000_000,
            output: 4 << 20,
            memory: 256 << 20,
            ..Limits::default()
        };
        let mut out = Vec::new();
        set.execute(
            TEMPLATE_NAME,
            &Value::Map(params.clone()),
            &mut env,
            &limits,
            &mut out,
        )?;
        Ok(String::from_utf8(out)
            .unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned()))
    }
}

/// The default mode: `{{ key }}` becomes the text of that key; anything else between braces stays
/// as it is. Text without a whole tag on one line is not looked at.
fn replace_tags(text: &str, params: &Params) -> Result<String, String> {
    let is_templated = text.split('\n').any(|line| {
        line.find("{{")
            .is_some_and(|open| line[open + 2..].contains("}}"))
    });
    if !is_templated {
        return Ok(text.to_owned());
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find("{{") {
        out.push_str(&rest[..open]);
        let inner = &rest[open + 2..];
        let Some(close) = inner.find("}}") else {
            let quote =
                |text: &str| argosy_gotmpl::gofmt::sprintf("%q", &[text.into()]).to_string();
            return Err(format!(
                "invalid template: Cannot find end tag=\"}}}}\" in the template={} starting from {}",
                quote(text),
                quote(inner)
            ));
        };
        let tag = &inner[..close];
        match params.get(tag.trim().as_bytes()) {
            Some(Value::Str(value)) if !tag.trim().is_empty() => out.push_str(&value.lossy()),
            _ => {
                out.push_str("{{");
                out.push_str(tag);
                out.push_str("}}");
            }
        }
        rest = &inner[close + 2..];
    }
    out.push_str(rest);
    Ok(out)
}
