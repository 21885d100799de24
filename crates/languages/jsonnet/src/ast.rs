//! The syntax tree.

use crate::error::Loc;
use crate::value::Value;
use std::cell::Cell;
use std::rc::Rc;

/// A name, interned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Sym(pub(crate) u32);

/// An expression and where it begins.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) loc: Loc,
    /// How many expressions stand in each other here, this one counted.
    pub(crate) height: u32,
}

impl Node {
    pub(crate) fn new(kind: Kind, loc: Loc) -> Expr {
        let mut highest = 0;
        kind.each(&mut |inner| highest = highest.max(inner.height));
        Rc::new(Self {
            kind,
            loc,
            height: highest + 1,
        })
    }
}

pub(crate) type Expr = Rc<Node>;

/// Where a variable's value lies: so many frames out, at this place of that frame.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Address {
    pub(crate) out: u32,
    pub(crate) index: u32,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Constant(Value),
    This,
    Var(Sym, Cell<Address>),
    Index(Expr, Expr),
    Slice(Expr, [Option<Expr>; 3]),
    SuperIndex(Expr),
    InSuper(Expr),
    Array(Vec<Expr>),
    ArrayComp(Expr, Vec<Spec>),
    Object(ObjectNode),
    ObjectComp(ObjectNode, Vec<Spec>),
    Function(Rc<FunctionNode>),
    Apply(ApplyNode),
    Local(Vec<Bind>, Expr),
    If(Expr, Expr, Option<Expr>),
    Error(Expr),
    Assert(Expr, Option<Expr>, Expr),
    Import(Import, Rc<str>),
    Unary(Unary, Expr),
    Binary(Binary, Expr, Expr),
}

impl Kind {
    /// The expressions directly in this one.
    fn each(&self, found: &mut dyn FnMut(&Expr)) {
        match self {
            Self::Constant(_) | Self::This | Self::Var(..) | Self::Import(..) => {}
            Self::Index(a, b) | Self::Binary(_, a, b) => [a, b].into_iter().for_each(found),
            Self::Slice(target, parts) => {
                found(target);
                parts.iter().flatten().for_each(found);
            }
            Self::SuperIndex(inner)
            | Self::InSuper(inner)
            | Self::Error(inner)
            | Self::Unary(_, inner) => found(inner),
            Self::Array(elements) => elements.iter().for_each(found),
            Self::ArrayComp(element, specs) => {
                found(element);
                specs.iter().for_each(|spec| found(spec.expr()));
            }
            Self::Object(object) => object.each(found),
            Self::ObjectComp(object, specs) => {
                specs.iter().for_each(|spec| found(spec.expr()));
                object.each(found);
            }
            Self::Function(function) => {
                let defaults = function.params.iter();
                defaults
                    .filter_map(|param| param.default.as_ref())
                    .for_each(&mut *found);
                found(&function.body);
            }
            Self::Apply(apply) => {
                found(&apply.target);
                apply.positional.iter().for_each(&mut *found);
                apply.named.iter().for_each(|(_, inner)| found(inner));
            }
            Self::Local(binds, body) => {
                binds.iter().for_each(|bind| found(&bind.body));
                found(body);
            }
            Self::If(condition, then, otherwise) => {
                [condition, then]
                    .into_iter()
                    .chain(otherwise)
                    .for_each(found);
            }
            Self::Assert(condition, message, rest) => {
                [condition, rest].into_iter().chain(message).for_each(found);
            }
        }
    }
}

impl Spec {
    fn expr(&self) -> &Expr {
        match self {
            Self::For(_, expr) | Self::If(expr) => expr,
        }
    }
}

impl ObjectNode {
    fn each(&self, found: &mut dyn FnMut(&Expr)) {
        for field in &self.fields {
            found(&field.name);
            found(&field.body);
        }
        self.locals.iter().for_each(|bind| found(&bind.body));
        self.asserts.iter().for_each(found);
    }
}

/// `for x in …` and `if …` of a comprehension.
#[derive(Debug)]
pub(crate) enum Spec {
    For(Sym, Expr),
    If(Expr),
}

#[derive(Debug)]
pub(crate) struct Bind {
    pub(crate) name: Sym,
    pub(crate) body: Expr,
}

/// An object's text. `locals` begins with `$` where the object is an outermost one.
#[derive(Debug)]
pub(crate) struct ObjectNode {
    pub(crate) fields: Vec<FieldNode>,
    pub(crate) locals: Rc<[Bind]>,
    pub(crate) asserts: Rc<[Expr]>,
    pub(crate) names_root: Cell<bool>,
}

#[derive(Debug)]
pub(crate) struct FieldNode {
    pub(crate) name: Expr,
    pub(crate) body: Expr,
    pub(crate) adds: bool,
    pub(crate) visibility: Visibility,
}

/// Whether a field is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// `:`, as the object below says.
    Inherited,
    /// `::`
    Hidden,
    /// `:::`
    Shown,
}

#[derive(Debug)]
pub(crate) struct FunctionNode {
    pub(crate) params: Vec<Param>,
    pub(crate) body: Expr,
}

#[derive(Debug)]
pub(crate) struct Param {
    pub(crate) name: Sym,
    pub(crate) default: Option<Expr>,
}

#[derive(Debug)]
pub(crate) struct ApplyNode {
    pub(crate) target: Expr,
    pub(crate) positional: Vec<Expr>,
    pub(crate) named: Vec<(Sym, Expr)>,
    pub(crate) is_strict: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Import {
    Code,
    Text,
    Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unary {
    Not,
    BitNot,
    Plus,
    Minus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Mul,
    Div,
    Rem,
    Add,
    Sub,
    ShiftLeft,
    ShiftRight,
    Less,
    LessEq,
    Greater,
    GreaterEq,
    In,
    Equal,
    NotEqual,
    BitAnd,
    BitXor,
    BitOr,
    And,
    Or,
}

impl Binary {
    /// The operator of a token and how strongly it binds; the smaller, the stronger.
    pub(crate) fn of(symbol: &str) -> Option<(Self, u8)> {
        Some(match symbol {
            "*" => (Self::Mul, 5),
            "/" => (Self::Div, 5),
            "%" => (Self::Rem, 5),
            "+" => (Self::Add, 6),
            "-" => (Self::Sub, 6),
            "<<" => (Self::ShiftLeft, 7),
            ">>" => (Self::ShiftRight, 7),
            "<" => (Self::Less, 8),
            "<=" => (Self::LessEq, 8),
            ">" => (Self::Greater, 8),
            ">=" => (Self::GreaterEq, 8),
            "in" => (Self::In, 8),
            "==" => (Self::Equal, 9),
            "!=" => (Self::NotEqual, 9),
            "&" => (Self::BitAnd, 10),
            "^" => (Self::BitXor, 11),
            "|" => (Self::BitOr, 12),
            "&&" => (Self::And, 13),
            "||" => (Self::Or, 14),
            _ => return None,
        })
    }
}
