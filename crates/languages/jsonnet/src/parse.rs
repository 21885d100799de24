//! Tokens become a syntax tree.

mod object;

use crate::ast::{
    ApplyNode, Binary, Bind, Expr, FunctionNode, Import, Kind, Node, Param, Spec, Sym, Unary,
};
use crate::error::{JsonnetError, Loc};
use crate::lex::{Lexeme, Token, tokens};
use crate::value::{Names, Value};
use std::cell::Cell;
use std::rc::Rc;

/// How deep expressions may stand in each other.
const MAX_DEPTH: u32 = 500;
/// How high a tree may become by chains such as `a + b + c` or `a.b.c`, which nest to the left.
const MAX_HEIGHT: u32 = 5_000;
/// Binds weaker than every operator.
const WEAKEST: u8 = 15;

/// Reads a file. Its variables are not resolved yet.
pub(crate) fn parse(file: &Rc<str>, source: &str, names: &mut Names) -> Result<Expr, JsonnetError> {
    let tokens = tokens(file, source)?;
    let mut parser = Parser {
        file,
        tokens,
        at: 0,
        depth: 0,
        names,
    };
    let expr = parser.expr()?;
    match parser.peek() {
        Token::End => Ok(expr),
        _ => Err(parser.unexpected("after the end of the expression")),
    }
}

struct Parser<'a> {
    file: &'a Rc<str>,
    tokens: Vec<Lexeme>,
    at: usize,
    depth: u32,
    names: &'a mut Names,
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].token
    }

    fn peek_second(&self) -> &Token {
        &self.tokens[(self.at + 1).min(self.tokens.len() - 1)].token
    }

    /// The next token, passed by; the end is never passed.
    fn next(&mut self) -> Token {
        let token = self.tokens[self.at].token.clone();
        if token != Token::End {
            self.at += 1;
        }
        token
    }

    fn loc(&self) -> Loc {
        let Lexeme { line, column, .. } = self.tokens[self.at];
        Loc {
            file: self.file.clone(),
            line,
            column,
        }
    }

    fn fail(&self, text: impl Into<String>) -> JsonnetError {
        JsonnetError::new(text).at(&self.loc())
    }

    fn unexpected(&self, doing: &str) -> JsonnetError {
        let shown = match self.peek() {
            Token::Name(name) => format!("`{name}`"),
            Token::Keyword(word) | Token::Symbol(word) => format!("`{word}`"),
            Token::Number(value) => format!("the number {value}"),
            Token::Text(_) => "a string".into(),
            Token::End => "end of file".into(),
        };
        self.fail(format!("unexpected {shown} {doing}"))
    }

    fn is(&self, symbol: &str) -> bool {
        matches!(self.peek(), Token::Symbol(found) if *found == symbol)
    }

    fn is_keyword(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Keyword(found) if *found == word)
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let found = self.is(symbol);
        if found {
            self.at += 1;
        }
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), JsonnetError> {
        if self.accept(symbol) {
            return Ok(());
        }
        Err(self.unexpected(&format!("where `{symbol}` is expected")))
    }

    fn expect_keyword(&mut self, word: &str) -> Result<(), JsonnetError> {
        if self.is_keyword(word) {
            self.at += 1;
            return Ok(());
        }
        Err(self.unexpected(&format!("where `{word}` is expected")))
    }

    fn name(&mut self) -> Result<Sym, JsonnetError> {
        if let Token::Name(name) = self.peek().clone() {
            self.at += 1;
            return Ok(self.names.intern(&name));
        }
        Err(self.unexpected("where a name is expected"))
    }

    fn expr(&mut self) -> Result<Expr, JsonnetError> {
        self.deeper(|parser| parser.operators(WEAKEST))
    }

    fn deeper<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, JsonnetError>,
    ) -> Result<T, JsonnetError> {
        if self.depth == MAX_DEPTH {
            let text = format!("expressions stand more than {MAX_DEPTH} deep in each other");
            return Err(self.fail(text));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// Operands joined by operators that bind at least as strongly as `weakest`.
    fn operators(&mut self, weakest: u8) -> Result<Expr, JsonnetError> {
        let mut left = self.unary()?;
        loop {
            let symbol = match self.peek() {
                Token::Symbol(symbol) => *symbol,
                Token::Keyword("in") => "in",
                _ => break,
            };
            let Some((operator, strength)) = Binary::of(symbol).filter(|(_, s)| *s <= weakest)
            else {
                break;
            };
            self.at += 1;
            let loc = left.loc.clone();
            let is_super = operator == Binary::In && self.is_keyword("super");
            let kind = if is_super && !matches!(self.peek_second(), Token::Symbol("." | "[")) {
                self.at += 1;
                Kind::InSuper(left)
            } else {
                let right = self.deeper(|parser| parser.operators(strength - 1))?;
                Kind::Binary(operator, left, right)
            };
            left = self.in_chain(Node::new(kind, loc))?;
        }
        Ok(left)
    }

    fn in_chain(&self, expr: Expr) -> Result<Expr, JsonnetError> {
        if expr.height <= MAX_HEIGHT {
            return Ok(expr);
        }
        Err(self.fail(format!(
            "an expression has more than {MAX_HEIGHT} parts in a row"
        )))
    }

    fn unary(&mut self) -> Result<Expr, JsonnetError> {
        let loc = self.loc();
        let operator = match self.peek() {
            Token::Symbol("!") => Unary::Not,
            Token::Symbol("~") => Unary::BitNot,
            Token::Symbol("+") => Unary::Plus,
            Token::Symbol("-") => Unary::Minus,
            _ => return self.postfix(),
        };
        self.at += 1;
        let operand = self.deeper(Self::unary)?;
        Ok(Node::new(Kind::Unary(operator, operand), loc))
    }

    /// A primary expression with what follows it: fields, elements, calls, objects.
    fn postfix(&mut self) -> Result<Expr, JsonnetError> {
        let mut expr = self.primary()?;
        loop {
            let loc = expr.loc.clone();
            let kind = match self.peek() {
                Token::Symbol(".") => {
                    self.at += 1;
                    let field = self.field_name()?;
                    Kind::Index(expr, field)
                }
                Token::Symbol("[") => {
                    self.at += 1;
                    self.element(expr)?
                }
                Token::Symbol("(") => {
                    self.at += 1;
                    self.call(expr)?
                }
                Token::Symbol("{") => {
                    let right = self.deeper(Self::primary)?;
                    Kind::Binary(Binary::Add, expr, right)
                }
                _ => return Ok(expr),
            };
            expr = self.in_chain(Node::new(kind, loc))?;
        }
    }

    /// The name after a dot, as a constant.
    fn field_name(&mut self) -> Result<Expr, JsonnetError> {
        let loc = self.loc();
        let Token::Name(name) = self.peek().clone() else {
            return Err(self.unexpected("where a field's name is expected"));
        };
        self.at += 1;
        Ok(constant(Value::text(&name), loc))
    }

    /// `[index]` or `[from:to:step]`, of which the bracket is passed.
    fn element(&mut self, target: Expr) -> Result<Kind, JsonnetError> {
        let mut parts: [Option<Expr>; 3] = [None, None, None];
        let mut index = 0;
        let mut colons = 0;
        loop {
            if self.accept("]") {
                break;
            }
            let passed = match self.peek() {
                Token::Symbol(":") => 1,
                Token::Symbol("::") => 2,
                _ => 0,
            };
            if passed > 0 {
                self.at += 1;
                colons += passed;
                index += passed;
            } else if index < 3 && parts[index].is_none() {
                parts[index] = Some(self.expr()?);
            } else {
                return Err(self.unexpected("in an index"));
            }
            if colons > 2 {
                return Err(self.fail("a slice has at most three parts"));
            }
        }
        if colons > 0 {
            return Ok(Kind::Slice(target, parts));
        }
        let [Some(index), _, _] = parts else {
            return Err(self.fail("an index is missing between `[` and `]`"));
        };
        Ok(Kind::Index(target, index))
    }

    fn call(&mut self, target: Expr) -> Result<Kind, JsonnetError> {
        let (mut positional, mut named) = (Vec::new(), Vec::new());
        while !self.accept(")") {
            let is_named = matches!(self.peek(), Token::Name(_))
                && matches!(self.peek_second(), Token::Symbol("="));
            if is_named {
                let name = self.name()?;
                self.at += 1;
                named.push((name, self.expr()?));
            } else if named.is_empty() {
                positional.push(self.expr()?);
            } else {
                return Err(self.fail("positional argument after a named argument is not allowed"));
            }
            if !self.is(")") {
                self.expect(",")?;
            }
        }
        let is_strict = self.is_keyword("tailstrict");
        if is_strict {
            self.at += 1;
        }
        Ok(Kind::Apply(ApplyNode {
            target,
            positional,
            named,
            is_strict,
        }))
    }

    fn primary(&mut self) -> Result<Expr, JsonnetError> {
        let (loc, begin) = (self.loc(), self.at);
        let kind = match self.next() {
            Token::Number(value) => Kind::Constant(Value::Number(value)),
            Token::Text(text) => Kind::Constant(Value::text(&text)),
            Token::Name(name) => Kind::Var(self.names.intern(&name), Cell::default()),
            Token::Symbol("$") => Kind::Var(Names::ROOT, Cell::default()),
            Token::Symbol("(") => {
                let inner = self.expr()?;
                self.expect(")")?;
                return Ok(inner);
            }
            Token::Symbol("[") => self.deeper(Self::array)?,
            Token::Symbol("{") => self.deeper(Self::object)?,
            Token::Keyword(word) => self.keyword(word)?,
            Token::Symbol(_) | Token::End => {
                self.at = begin;
                return Err(self.unexpected("where an expression is expected"));
            }
        };
        Ok(Node::new(kind, loc))
    }

    fn keyword(&mut self, word: &str) -> Result<Kind, JsonnetError> {
        Ok(match word {
            "null" => Kind::Constant(Value::Null),
            "true" => Kind::Constant(Value::Bool(true)),
            "false" => Kind::Constant(Value::Bool(false)),
            "self" => Kind::This,
            "super" => {
                if self.accept(".") {
                    Kind::SuperIndex(self.field_name()?)
                } else {
                    self.expect("[")?;
                    let index = self.expr()?;
                    self.expect("]")?;
                    Kind::SuperIndex(index)
                }
            }
            "local" => {
                let mut binds = Vec::new();
                loop {
                    let bind = self.bind()?;
                    if binds.iter().any(|known: &Bind| known.name == bind.name) {
                        let name = self.names.text(bind.name);
                        return Err(self.fail(format!("duplicate local var: {name}")));
                    }
                    binds.push(bind);
                    if self.accept(";") {
                        break;
                    }
                    self.expect(",")?;
                }
                Kind::Local(binds, self.expr()?)
            }
            "if" => {
                let condition = self.expr()?;
                self.expect_keyword("then")?;
                let then = self.expr()?;
                let otherwise = if self.is_keyword("else") {
                    self.at += 1;
                    Some(self.expr()?)
                } else {
                    None
                };
                Kind::If(condition, then, otherwise)
            }
            "function" => {
                self.expect("(")?;
                let params = self.params()?;
                let body = self.expr()?;
                Kind::Function(Rc::new(FunctionNode { params, body }))
            }
            "error" => Kind::Error(self.expr()?),
            "assert" => {
                let condition = self.expr()?;
                let message = if self.accept(":") {
                    Some(self.expr()?)
                } else {
                    None
                };
                self.expect(";")?;
                Kind::Assert(condition, message, self.expr()?)
            }
            "import" => Kind::Import(Import::Code, self.import_path()?),
            "importstr" => Kind::Import(Import::Text, self.import_path()?),
            "importbin" => Kind::Import(Import::Bytes, self.import_path()?),
            _ => {
                self.at -= 1;
                return Err(self.unexpected("where an expression is expected"));
            }
        })
    }

    fn import_path(&mut self) -> Result<Rc<str>, JsonnetError> {
        let path = self.expr()?;
        match &path.kind {
            Kind::Constant(Value::Text(text)) => Ok(text.as_str().into()),
            _ => Err(JsonnetError::new("computed imports are not allowed").at(&path.loc)),
        }
    }

    /// `name = value` or `name(params) = value`.
    fn bind(&mut self) -> Result<Bind, JsonnetError> {
        let name = self.name()?;
        let loc = self.loc();
        let params = if self.accept("(") {
            Some(self.params()?)
        } else {
            None
        };
        self.expect("=")?;
        let body = self.expr()?;
        let body = match params {
            None => body,
            Some(params) => Node::new(Kind::Function(Rc::new(FunctionNode { params, body })), loc),
        };
        Ok(Bind { name, body })
    }

    /// Parameters, of which the opening bracket is passed.
    fn params(&mut self) -> Result<Vec<Param>, JsonnetError> {
        let mut params: Vec<Param> = Vec::new();
        while !self.accept(")") {
            let name = self.name()?;
            if params.iter().any(|known| known.name == name) {
                let name = self.names.text(name);
                return Err(self.fail(format!("duplicate function parameter: {name}")));
            }
            let default = if self.accept("=") {
                Some(self.expr()?)
            } else {
                None
            };
            params.push(Param { name, default });
            if !self.is(")") {
                self.expect(",")?;
            }
        }
        Ok(params)
    }

    /// An array or a comprehension, of which the bracket is passed.
    fn array(&mut self) -> Result<Kind, JsonnetError> {
        let mut elements = Vec::new();
        while !self.accept("]") {
            elements.push(self.expr()?);
            let has_comma = self.accept(",");
            if self.is_keyword("for") && elements.len() == 1 {
                let specs = self.specs("]")?;
                let element = elements.pop().expect("there is one");
                return Ok(Kind::ArrayComp(element, specs));
            }
            if !has_comma && !self.is("]") {
                return Err(self.unexpected("where `,` or `]` is expected"));
            }
        }
        Ok(Kind::Array(elements))
    }

    /// `for` and `if` up to the closing bracket, which is passed.
    fn specs(&mut self, close: &str) -> Result<Vec<Spec>, JsonnetError> {
        let mut specs = Vec::new();
        loop {
            if self.is_keyword("for") {
                self.at += 1;
                let name = self.name()?;
                self.expect_keyword("in")?;
                specs.push(Spec::For(name, self.expr()?));
            } else if self.is_keyword("if") && !specs.is_empty() {
                self.at += 1;
                specs.push(Spec::If(self.expr()?));
            } else {
                self.expect(close)?;
                return Ok(specs);
            }
        }
    }
}

fn constant(value: Value, loc: Loc) -> Expr {
    Node::new(Kind::Constant(value), loc)
}
