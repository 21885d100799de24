//! The tree of a parsed template, and how errors spell its nodes.

use std::fmt;
use std::sync::Arc;

use crate::builtin::Builtin;
use crate::func::FuncEntry;
use crate::quote::quote;
use crate::value::{GoStr, Value};

/// The source that nodes point into.
#[derive(Debug)]
pub(crate) struct Source {
    /// The name given to the parser: errors show it.
    pub name: Arc<str>,
    pub text: Arc<str>,
}

impl Source {
    /// `NAME:LINE:COLUMN` with line and column of a byte offset, as Go counts them.
    pub fn place(&self, pos: usize) -> (usize, usize) {
        let before = &self.text.as_bytes()[..pos.min(self.text.len())];
        let line = before.split(|byte| *byte == b'\n').count();
        let column = match before.iter().rposition(|byte| *byte == b'\n') {
            Some(newline) => pos - newline - 1,
            None => pos,
        };
        (line, column)
    }
}

/// A named template.
#[derive(Debug)]
pub(crate) struct Template {
    pub name: Arc<str>,
    pub source: Arc<Source>,
    /// Shared by sources of the same text.
    pub body: Arc<[Stmt]>,
}

impl Template {
    /// Whether there is nothing in it but space.
    pub fn is_blank(&self) -> bool {
        self.body.iter().all(|stmt| match stmt {
            Stmt::Text(text) => text.as_bytes().iter().all(u8::is_ascii_whitespace),
            _ => false,
        })
    }
}

/// A statement: text or an action.
#[derive(Debug)]
pub(crate) enum Stmt {
    Text(GoStr),
    Action(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template(Box<Call>),
    Break,
    Continue,
}

/// `if`, `with` and `range`.
#[derive(Debug)]
pub(crate) struct Branch {
    pub pipe: Pipe,
    pub body: Vec<Stmt>,
    pub otherwise: Option<Vec<Stmt>>,
}

/// `{{template "name" pipeline}}`.
#[derive(Debug)]
pub(crate) struct Call {
    pub pos: u32,
    pub name: Arc<str>,
    pub pipe: Option<Pipe>,
}

/// A variable's name, interned within the set by its text.
pub(crate) type Name = Arc<str>;

#[derive(Debug)]
pub(crate) struct Pipe {
    pub pos: u32,
    pub assigns: bool,
    pub decls: Vec<Name>,
    pub commands: Vec<Command>,
}

#[derive(Debug)]
pub(crate) struct Command {
    pub pos: u32,
    pub args: Vec<Expr>,
}

#[derive(Debug)]
pub(crate) enum Expr {
    Dot(u32),
    Nil(u32),
    Bool(u32, bool),
    Number(Box<Number>),
    Text(Box<Text>),
    Field(Box<Field>),
    Variable(Box<Variable>),
    Ident(Box<Ident>),
    Chain(Box<Chain>),
    Pipe(Box<Pipe>),
}

#[derive(Debug)]
pub(crate) struct Number {
    pub pos: u32,
    pub text: Box<str>,
    pub int: Option<i64>,
    pub float: Option<f64>,
    /// What it is where no type is wanted. `None`: it overflows `int`.
    pub ideal: Option<Value>,
}

#[derive(Debug)]
pub(crate) struct Text {
    pub pos: u32,
    pub quoted: Box<str>,
    pub value: Value,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub pos: u32,
    pub names: Vec<GoStr>,
}

#[derive(Debug)]
pub(crate) struct Variable {
    pub pos: u32,
    pub name: Name,
    pub fields: Vec<GoStr>,
}

#[derive(Debug)]
pub(crate) struct Ident {
    pub pos: u32,
    pub name: Box<str>,
    pub func: Callee,
}

/// A function, found when the template was parsed.
#[derive(Clone)]
pub(crate) enum Callee {
    Builtin(Builtin),
    Given(FuncEntry),
}

impl fmt::Debug for Callee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builtin(builtin) => write!(f, "{builtin:?}"),
            Self::Given(_) => f.write_str("Given"),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Chain {
    pub pos: u32,
    pub base: Expr,
    pub fields: Vec<GoStr>,
}

impl Expr {
    pub fn pos(&self) -> u32 {
        match self {
            Self::Dot(pos) | Self::Nil(pos) | Self::Bool(pos, _) => *pos,
            Self::Number(number) => number.pos,
            Self::Text(text) => text.pos,
            Self::Field(field) => field.pos,
            Self::Variable(variable) => variable.pos,
            Self::Ident(ident) => ident.pos,
            Self::Chain(chain) => chain.pos,
            Self::Pipe(pipe) => pipe.pos,
        }
    }
}

fn dotted(f: &mut fmt::Formatter<'_>, names: &[GoStr]) -> fmt::Result {
    names.iter().try_for_each(|name| write!(f, ".{name}"))
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dot(_) => f.write_str("."),
            Self::Nil(_) => f.write_str("nil"),
            Self::Bool(_, flag) => write!(f, "{flag}"),
            Self::Number(number) => f.write_str(&number.text),
            Self::Text(text) => f.write_str(&text.quoted),
            Self::Field(field) => dotted(f, &field.names),
            Self::Variable(variable) => {
                f.write_str(&variable.name)?;
                dotted(f, &variable.fields)
            }
            Self::Ident(ident) => f.write_str(&ident.name),
            Self::Chain(chain) => {
                match &chain.base {
                    Self::Pipe(pipe) => write!(f, "({pipe})")?,
                    base => write!(f, "{base}")?,
                }
                dotted(f, &chain.fields)
            }
            Self::Pipe(pipe) => write!(f, "{pipe}"),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, arg) in self.args.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            match arg {
                Expr::Pipe(pipe) => write!(f, "({pipe})")?,
                arg => write!(f, "{arg}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.decls.is_empty() {
            f.write_str(&self.decls.join(", "))?;
            f.write_str(if self.assigns { " = " } else { " := " })?;
        }
        for (index, command) in self.commands.iter().enumerate() {
            if index > 0 {
                f.write_str(" | ")?;
            }
            write!(f, "{command}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{template {}", quote(&self.name))?;
        if let Some(pipe) = &self.pipe {
            write!(f, " {pipe}")?;
        }
        f.write_str("}}")
    }
}
