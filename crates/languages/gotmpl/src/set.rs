//! Named templates that may call each other, and the way to run one.

use std::collections::HashMap;
use std::sync::Arc;

use crate::ast::{Source, Template};
use crate::exec::{Budget, Run};
use crate::func::{Causes, Env, FuncTable};
use crate::parse::{Delims, ParseError, parse};
use crate::value::Value;

/// What a look-up of a key that a map lacks gives (`missingkey`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingKey {
    /// `default` or `invalid`: no value, printed as `<no value>`.
    #[default]
    Default,
    /// `zero`: the zero value of the map's element, which is nil.
    Zero,
    /// `error`: an error.
    Error,
}

/// How far an execution may go. All templates it runs share them.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Statements, commands and loop turns.
    pub steps: u64,
    /// Templates within templates.
    pub depth: usize,
    /// Bytes written by the outermost template.
    pub output: usize,
    /// Bytes made in all: output, results of templates, and what functions charge.
    pub memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            steps: 50_000_000,
            depth: 2_000,
            output: 64 << 20,
            memory: 2 << 30,
        }
    }
}

/// Why an execution stopped: Go's text, with template, line and column.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct ExecError {
    /// The name of the source the failing node was read from.
    pub template: String,
    /// The line, from 1; 0 where there is no place.
    pub line: usize,
    /// The column, from 0, in bytes.
    pub column: usize,
    /// The whole text, as Go prints it.
    pub text: String,
    /// Whether a limit was reached (and not an error of the template).
    pub limit: bool,
    /// The texts of the errors that this one wraps: what a failing function returned, the error
    /// of a template that it ran, and so on.
    pub causes: Causes,
}

/// Parsed templates under one name space. Immutable and cheap to share.
pub struct Set {
    name: Arc<str>,
    templates: HashMap<Arc<str>, Arc<Template>>,
    parent: Option<Arc<Set>>,
    funcs: Arc<FuncTable>,
    missing_key: MissingKey,
    left: Box<str>,
    right: Box<str>,
}

impl Set {
    /// Parses one source into a set.
    ///
    /// # Errors
    /// Where the source is no template, in Go's words.
    pub fn parse(
        name: &str,
        source: &str,
        funcs: &FuncTable,
        delims: Delims<'_>,
    ) -> Result<Arc<Self>, ParseError> {
        let mut builder = SetBuilder::new(name, Arc::new(funcs.clone())).delims(delims);
        builder.add(name, source)?;
        Ok(builder.build())
    }

    /// Runs the named template with `data` as its dot and appends its output. On an error the
    /// output written so far stays, as in Go.
    ///
    /// # Errors
    /// The template's own failure or a limit reached.
    pub fn execute(
        self: &Arc<Self>,
        name: &str,
        data: &Value,
        env: &mut dyn Env,
        limits: &Limits,
        out: &mut Vec<u8>,
    ) -> Result<(), ExecError> {
        let mut budget = Budget::new(limits);
        Run {
            set: self,
            budget: &mut budget,
        }
        .named(env, name, data, out)
        .map_err(|error| *error)
    }

    /// Whether there is a template of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.lookup(name).is_some()
    }

    /// The names of all templates, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.templates.keys().map(|name| &**name).collect();
        if let Some(parent) = &self.parent {
            names.extend(parent.names());
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    /// This set with what `source` defines on top of it; the set itself stays as it is.
    pub(crate) fn overlay(self: &Arc<Self>, name: &str, source: &str) -> Result<Self, ParseError> {
        let delims = Delims {
            left: &self.left,
            right: &self.right,
        };
        let mut set = Self {
            name: self.name.clone(),
            templates: HashMap::new(),
            parent: Some(self.clone()),
            funcs: self.funcs.clone(),
            missing_key: self.missing_key,
            left: self.left.clone(),
            right: self.right.clone(),
        };
        for template in parse(name, source, &self.funcs, delims)? {
            set.insert(Arc::new(template));
        }
        Ok(set)
    }

    /// Takes a definition; a blank one does not replace another.
    fn insert(&mut self, template: Arc<Template>) {
        if template.is_blank() && self.lookup(&template.name).is_some() {
            return;
        }
        self.templates.insert(template.name.clone(), template);
    }

    pub(crate) fn lookup(&self, name: &str) -> Option<&Arc<Template>> {
        let own = self.templates.get(name);
        own.or_else(|| self.parent.as_ref().and_then(|parent| parent.lookup(name)))
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn missing_key(&self) -> MissingKey {
        self.missing_key
    }
}

impl std::fmt::Debug for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Set")
            .field("name", &self.name)
            .field("templates", &self.names())
            .finish_non_exhaustive()
    }
}

/// Makes a set of many sources. A later definition of a name replaces an earlier one.
pub struct SetBuilder {
    set: Set,
    /// What each text gave: charts bring copies of one library along.
    known: HashMap<Arc<str>, Vec<Arc<Template>>>,
}

impl SetBuilder {
    /// An empty set. Its name shows in the error for a template that is not there.
    pub fn new(name: &str, funcs: Arc<FuncTable>) -> Self {
        let set = Set {
            name: name.into(),
            templates: HashMap::new(),
            parent: None,
            funcs,
            missing_key: MissingKey::Default,
            left: "{{".into(),
            right: "}}".into(),
        };
        Self {
            set,
            known: HashMap::new(),
        }
    }

    /// Sets what a missing key gives.
    pub fn missing_key(mut self, missing_key: MissingKey) -> Self {
        self.set.missing_key = missing_key;
        self
    }

    /// Sets the delimiters of the sources added from here on.
    pub fn delims(mut self, delims: Delims<'_>) -> Self {
        self.set.left = delims.left.into();
        self.set.right = delims.right.into();
        self.known.clear();
        self
    }

    /// Parses a source under a name and adds it with all it defines.
    ///
    /// # Errors
    /// Where the source is no template, in Go's words; the set is then as before.
    pub fn add(&mut self, name: &str, source: &str) -> Result<(), ParseError> {
        let known = self.known.get(source);
        let templates = match known.and_then(|known| copies(known, name)) {
            Some(copies) => copies,
            None => self.parsed(name, source)?,
        };
        for template in templates {
            self.set.insert(template);
        }
        Ok(())
    }

    fn parsed(&mut self, name: &str, source: &str) -> Result<Vec<Arc<Template>>, ParseError> {
        let delims = Delims {
            left: &self.set.left,
            right: &self.set.right,
        };
        let templates = parse(name, source, &self.set.funcs, delims)?;
        let templates: Vec<Arc<Template>> = templates.into_iter().map(Arc::new).collect();
        if let Some(first) = templates.first() {
            let text = first.source.text.clone();
            self.known.insert(text, templates.clone());
        }
        Ok(templates)
    }

    /// The finished set.
    pub fn build(self) -> Arc<Set> {
        Arc::new(self.set)
    }
}

/// The templates of a source once more, as a source of the same text and another name has them;
/// `None` where a definition bears the name of either, which is for the parser to judge.
fn copies(known: &[Arc<Template>], name: &str) -> Option<Vec<Arc<Template>>> {
    let (own, defined) = known.split_last()?;
    let clashes = |template: &Arc<Template>| *template.name == *name || template.name == own.name;
    if own.name != own.source.name || defined.iter().any(clashes) {
        return None;
    }
    let source = Arc::new(Source {
        name: name.into(),
        text: own.source.text.clone(),
    });
    let copy = |name: Arc<str>, of: &Arc<Template>| {
        Arc::new(Template {
            name,
            source: source.clone(),
            body: of.body.clone(),
        })
    };
    let mut copies: Vec<_> = defined.iter().map(|t| copy(t.name.clone(), t)).collect();
    copies.push(copy(source.name.clone(), own));
    Some(copies)
}
