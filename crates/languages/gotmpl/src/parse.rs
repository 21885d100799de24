//! Builds the trees of a source: one for itself and one for each `define` and `block` in it.

use std::sync::Arc;

use crate::ast::*;
use crate::builtin::Builtin;
use crate::float::parse_constant;
use crate::func::FuncTable;
use crate::lex::{Kind, Lexer, Token};
use crate::quote::{Unit, quote, unquote, unquote_char};
use crate::value::{GoStr, Value};

/// Why a source is no template: Go's text, with template and line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct ParseError {
    /// The name of the source.
    pub template: String,
    /// The line, from 1.
    pub line: usize,
    /// The whole text, as Go prints it: `template: NAME:LINE: ..`.
    pub text: String,
}

/// The left and right action delimiters. The default is `{{` and `}}`; an empty one means that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delims<'a> {
    /// Opens an action.
    pub left: &'a str,
    /// Closes an action.
    pub right: &'a str,
}

impl Default for Delims<'_> {
    fn default() -> Self {
        Self {
            left: "{{",
            right: "}}",
        }
    }
}

/// Nesting of control structures and parentheses beyond this is refused, as trees are walked
/// with the machine's stack. Compat: Go allows 10,000 parentheses and any number of blocks.
const MAX_NESTING: usize = 400;

/// A source beyond this is refused: positions are kept in 32 bits.
const MAX_SOURCE: usize = 64 << 20;

/// Parses a source into its templates, the definitions in order and its own last.
pub(crate) fn parse(
    name: &str,
    text: &str,
    funcs: &FuncTable,
    delims: Delims<'_>,
) -> Result<Vec<Template>> {
    let source = Arc::new(Source {
        name: name.into(),
        text: text.into(),
    });
    let left = if delims.left.is_empty() {
        "{{"
    } else {
        delims.left
    };
    let right = if delims.right.is_empty() {
        "}}"
    } else {
        delims.right
    };
    let mut lexer = Lexer::new(text, left, right);
    lexer.break_is_keyword = funcs.get("break").is_none();
    lexer.continue_is_keyword = funcs.get("continue").is_none();
    let mut parser = Parser {
        lexer,
        funcs,
        source: source.clone(),
        lookahead: Vec::with_capacity(3),
        newest: 0,
        scope: Scope::default(),
        nesting: 0,
        done: Vec::new(),
    };
    if text.len() > MAX_SOURCE {
        return Err(parser.error("source too large"));
    }
    let body = parser.top()?;
    parser.add(Template {
        name: name.into(),
        source,
        body: body.into(),
    })?;
    Ok(parser.done)
}

/// What belongs to one definition and is set aside while another is parsed inside it.
struct Scope<'s> {
    vars: Vec<&'s str>,
    /// Where the action being read began.
    action: Option<usize>,
    range_depth: usize,
}

impl Default for Scope<'_> {
    fn default() -> Self {
        Self {
            vars: vec!["$"],
            action: None,
            range_depth: 0,
        }
    }
}

struct Parser<'s> {
    lexer: Lexer<'s>,
    funcs: &'s FuncTable,
    source: Arc<Source>,
    /// Tokens read and put back, the next one last.
    lookahead: Vec<Token<'s>>,
    /// Where the newest token from the lexer begins: errors name its line.
    newest: usize,
    scope: Scope<'s>,
    nesting: usize,
    done: Vec<Template>,
}

/// What ended a list of statements.
enum End<'s> {
    Closed,
    /// `{{else}}`, or `{{else` with an `if` or `with` still to come.
    Else,
    ElseIf(Token<'s>),
}

impl End<'_> {
    fn describe(&self) -> &'static str {
        match self {
            Self::Closed => "{{end}}",
            Self::Else | Self::ElseIf(_) => "{{else}}",
        }
    }
}

enum Item<'s> {
    Stmt(Stmt),
    End(End<'s>),
}

type Result<T> = std::result::Result<T, ParseError>;

impl<'s> Parser<'s> {
    fn next(&mut self) -> Token<'s> {
        if let Some(token) = self.lookahead.pop() {
            return token;
        }
        let token = self.lexer.next_token();
        self.newest = token.pos;
        token
    }

    fn peek(&mut self) -> &Token<'s> {
        if self.lookahead.is_empty() {
            let token = self.lexer.next_token();
            self.newest = token.pos;
            self.lookahead.push(token);
        }
        self.lookahead.last().expect("a token was just put there")
    }

    fn back(&mut self, token: Token<'s>) {
        self.lookahead.push(token);
    }

    fn next_non_space(&mut self) -> Token<'s> {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    fn peek_non_space(&mut self) -> &Token<'s> {
        while self.peek().kind == Kind::Space {
            self.next();
        }
        self.peek()
    }

    fn line_of(&self, pos: usize) -> usize {
        self.source.place(pos).0
    }

    fn error(&self, message: impl AsRef<str>) -> ParseError {
        let line = self.line_of(self.newest);
        let text = format!(
            "template: {}:{line}: {}",
            self.source.name,
            message.as_ref()
        );
        ParseError {
            template: self.source.name.to_string(),
            line,
            text,
        }
    }

    fn unexpected(&self, token: &Token<'_>, context: &str) -> ParseError {
        if token.kind != Kind::Error {
            return self.error(format!("unexpected {} in {context}", token.describe()));
        }
        let message = token.describe();
        let started = self.scope.action.map(|pos| self.line_of(pos));
        let Some(started) = started.filter(|line| *line != self.line_of(token.pos)) else {
            return self.error(message);
        };
        let link = if message.ends_with(" action") {
            ""
        } else {
            " in action"
        };
        self.error(format!(
            "{message}{link} started at {}:{started}",
            self.source.name
        ))
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Result<Token<'s>> {
        let token = self.next_non_space();
        if token.kind == kind {
            Ok(token)
        } else {
            Err(self.unexpected(&token, context))
        }
    }

    fn add(&mut self, template: Template) -> Result<()> {
        let known = self
            .done
            .iter()
            .position(|known| known.name == template.name);
        match known {
            None => self.done.push(template),
            Some(index) if self.done[index].is_blank() => self.done[index] = template,
            Some(_) if template.is_blank() => {}
            Some(_) => {
                return Err(self.error(format!(
                    "template: multiple definition of template {}",
                    quote(&template.name)
                )));
            }
        }
        Ok(())
    }

    fn nested<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.nesting >= MAX_NESTING {
            return Err(self.error("max expression depth exceeded"));
        }
        self.nesting += 1;
        let result = step(self);
        self.nesting -= 1;
        result
    }

    /// The whole source: statements and definitions up to its end.
    fn top(&mut self) -> Result<Vec<Stmt>> {
        let mut body = Vec::new();
        while self.peek().kind != Kind::Eof {
            if self.peek().kind == Kind::LeftDelim {
                let delim = self.next();
                let word = self.next_non_space();
                if word.kind == Kind::Define {
                    self.definition()?;
                    continue;
                }
                self.back(word);
                self.back(delim);
            }
            match self.text_or_action()? {
                Item::Stmt(stmt) => body.push(stmt),
                Item::End(end) => {
                    return Err(self.error(format!("unexpected {}", end.describe())));
                }
            }
        }
        Ok(body)
    }

    fn definition(&mut self) -> Result<()> {
        const CONTEXT: &str = "define clause";
        let outer = std::mem::take(&mut self.scope);
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        self.expect(Kind::RightDelim, CONTEXT)?;
        self.define(name, CONTEXT, None)?;
        self.scope = outer;
        Ok(())
    }

    /// Reads a body up to its end; `opened` is where a wrong end is reported, if not there.
    fn define(&mut self, name: Arc<str>, context: &str, opened: Option<usize>) -> Result<()> {
        let (body, end) = self.nested(Self::item_list)?;
        if !matches!(end, End::Closed) {
            self.newest = opened.unwrap_or(self.newest);
            return Err(self.error(format!("unexpected {} in {context}", end.describe())));
        }
        let source = self.source.clone();
        let body = body.into();
        self.add(Template { name, source, body })
    }

    fn template_name(&mut self, token: &Token<'s>, context: &str) -> Result<Arc<str>> {
        match token.kind {
            Kind::String | Kind::RawString => {
                Ok(GoStr::from(self.unquoted(token.text)?).lossy().into())
            }
            _ => Err(self.unexpected(token, context)),
        }
    }

    fn unquoted(&self, literal: &str) -> Result<Vec<u8>> {
        unquote(literal).ok_or_else(|| self.error("invalid syntax"))
    }

    fn item_list(&mut self) -> Result<(Vec<Stmt>, End<'s>)> {
        let mut body = Vec::new();
        while self.peek_non_space().kind != Kind::Eof {
            match self.text_or_action()? {
                Item::Stmt(stmt) => body.push(stmt),
                Item::End(end) => return Ok((body, end)),
            }
        }
        Err(self.error("unexpected EOF"))
    }

    fn text_or_action(&mut self) -> Result<Item<'s>> {
        let token = self.next_non_space();
        match token.kind {
            Kind::Text => Ok(Item::Stmt(Stmt::Text(GoStr::from(token.text)))),
            Kind::LeftDelim => {
                self.scope.action = Some(token.pos);
                let item = self.action()?;
                self.scope.action = None;
                Ok(item)
            }
            _ => Err(self.unexpected(&token, "input")),
        }
    }

    fn action(&mut self) -> Result<Item<'s>> {
        let token = self.next_non_space();
        let stmt = match token.kind {
            Kind::Block => self.block()?,
            Kind::Break => self.loop_exit("{{break}}", Stmt::Break)?,
            Kind::Continue => self.loop_exit("{{continue}}", Stmt::Continue)?,
            Kind::Else => return self.else_control(),
            Kind::End => {
                self.expect(Kind::RightDelim, "end")?;
                return Ok(Item::End(End::Closed));
            }
            Kind::If => Stmt::If(self.nested(|parser| parser.control("if"))?),
            Kind::With => Stmt::With(self.nested(|parser| parser.control("with"))?),
            Kind::Range => Stmt::Range(self.nested(|parser| parser.control("range"))?),
            Kind::Template => {
                let token = self.next_non_space();
                let name = self.template_name(&token, "template clause")?;
                let next = self.next_non_space();
                let mut pipe = None;
                if next.kind != Kind::RightDelim {
                    self.back(next);
                    pipe = Some(self.pipeline("template clause", Kind::RightDelim)?);
                }
                Stmt::Template(Box::new(Call {
                    pos: token.pos as u32,
                    name,
                    pipe,
                }))
            }
            _ => {
                self.back(token);
                Stmt::Action(self.pipeline("command", Kind::RightDelim)?)
            }
        };
        Ok(Item::Stmt(stmt))
    }

    fn loop_exit(&mut self, word: &str, stmt: Stmt) -> Result<Stmt> {
        let token = self.next_non_space();
        if token.kind != Kind::RightDelim {
            return Err(self.unexpected(&token, word));
        }
        if self.scope.range_depth == 0 {
            return Err(self.error(format!("{word} outside {{{{range}}}}")));
        }
        Ok(stmt)
    }

    fn else_control(&mut self) -> Result<Item<'s>> {
        let peeked = self.peek_non_space();
        if matches!(peeked.kind, Kind::If | Kind::With) {
            let token = peeked.clone();
            return Ok(Item::End(End::ElseIf(token)));
        }
        self.expect(Kind::RightDelim, "else")?;
        Ok(Item::End(End::Else))
    }

    fn block(&mut self) -> Result<Stmt> {
        const CONTEXT: &str = "block clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, Kind::RightDelim)?;
        let outer = std::mem::take(&mut self.scope);
        let opened = self.newest;
        self.define(name.clone(), CONTEXT, Some(opened))?;
        self.scope = outer;
        Ok(Stmt::Template(Box::new(Call {
            pos: token.pos as u32,
            name,
            pipe: Some(pipe),
        })))
    }

    fn control(&mut self, context: &str) -> Result<Branch> {
        let visible = self.scope.vars.len();
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let in_range = usize::from(context == "range");
        self.scope.range_depth += in_range;
        let (body, end) = self.item_list()?;
        self.scope.range_depth -= in_range;
        let otherwise = match end {
            End::Closed => None,
            End::ElseIf(token) if token.kind == Kind::If && context == "if" => {
                self.next_non_space();
                Some(vec![Stmt::If(self.nested(|parser| parser.control("if"))?)])
            }
            End::ElseIf(token) if token.kind == Kind::With && context == "with" => {
                self.next_non_space();
                Some(vec![Stmt::With(
                    self.nested(|parser| parser.control("with"))?,
                )])
            }
            End::Else | End::ElseIf(_) => {
                let (list, end) = self.item_list()?;
                if !matches!(end, End::Closed) {
                    return Err(self.error(format!("expected end; found {}", end.describe())));
                }
                Some(list)
            }
        };
        self.scope.vars.truncate(visible);
        Ok(Branch {
            pipe,
            body,
            otherwise,
        })
    }

    fn pipeline(&mut self, context: &str, end: Kind) -> Result<Pipe> {
        let pos = self.peek_non_space().pos as u32;
        let mut pipe = Pipe {
            pos,
            assigns: false,
            decls: Vec::new(),
            commands: Vec::new(),
        };
        while self.declaration(&mut pipe, context)? {}
        loop {
            let token = self.next_non_space();
            match token.kind {
                kind if kind == end => break,
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    self.back(token);
                    let command = self.command()?;
                    pipe.commands.push(command);
                }
                _ => return Err(self.unexpected(&token, context)),
            }
        }
        self.check(&pipe, context)?;
        Ok(pipe)
    }

    /// Reads one declaration or assignment, if there is one; true where another may follow.
    fn declaration(&mut self, pipe: &mut Pipe, context: &str) -> Result<bool> {
        if self.peek_non_space().kind != Kind::Variable {
            return Ok(false);
        }
        let variable = self.next();
        // Space is a token, so that `$x :=` and `$x foo` differ only in the third one.
        let after = self.peek().clone();
        let next = self.peek_non_space().clone();
        let is_comma = next.kind == Kind::Char && next.text == ",";
        if !is_comma && !matches!(next.kind, Kind::Assign | Kind::Declare) {
            if after.kind == Kind::Space {
                self.back(after);
            }
            self.back(variable);
            return Ok(false);
        }
        self.next_non_space();
        pipe.decls.push(variable.text.into());
        self.scope.vars.push(variable.text);
        if !is_comma {
            pipe.assigns = next.kind == Kind::Assign;
            return Ok(false);
        }
        if context == "range" && pipe.decls.len() < 2 {
            return match self.peek_non_space().kind {
                Kind::Variable | Kind::RightDelim | Kind::RightParen => Ok(true),
                _ => Err(self.error("range can only initialize variables")),
            };
        }
        Err(self.error(format!("too many declarations in {context}")))
    }

    fn check(&self, pipe: &Pipe, context: &str) -> Result<()> {
        if pipe.commands.is_empty() {
            return Err(self.error(format!("missing value for {context}")));
        }
        for (index, command) in pipe.commands.iter().enumerate().skip(1) {
            let first = &command.args[0];
            if matches!(
                first,
                Expr::Bool(..) | Expr::Dot(_) | Expr::Nil(_) | Expr::Number(_) | Expr::Text(_)
            ) {
                let stage = index + 1;
                let message = format!("non executable command in pipeline stage {stage}");
                return Err(self.error(message));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Result<Command> {
        let pos = self.peek_non_space().pos as u32;
        let mut args = Vec::new();
        loop {
            self.peek_non_space();
            args.extend(self.operand()?);
            let token = self.next();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.back(token),
                Kind::Pipe => {}
                _ => return Err(self.unexpected(&token, "operand")),
            }
            break;
        }
        if args.is_empty() {
            return Err(self.error("empty command"));
        }
        Ok(Command { pos, args })
    }

    fn operand(&mut self) -> Result<Option<Expr>> {
        let Some(term) = self.term()? else {
            return Ok(None);
        };
        if self.peek().kind != Kind::Field {
            return Ok(Some(term));
        }
        let pos = self.peek().pos as u32;
        let mut fields = Vec::new();
        while self.peek().kind == Kind::Field {
            fields.push(GoStr::from(&self.next().text[1..]));
        }
        Ok(Some(match term {
            Expr::Field(mut field) => {
                field.pos = pos;
                field.names.extend(fields);
                Expr::Field(field)
            }
            Expr::Variable(mut variable) => {
                variable.pos = pos;
                variable.fields.extend(fields);
                Expr::Variable(variable)
            }
            Expr::Bool(..) | Expr::Text(_) | Expr::Number(_) | Expr::Nil(_) | Expr::Dot(_) => {
                let text = quote(&term.to_string());
                return Err(self.error(format!("unexpected . after term {text}")));
            }
            base => Expr::Chain(Box::new(Chain { pos, base, fields })),
        }))
    }

    fn term(&mut self) -> Result<Option<Expr>> {
        let token = self.next_non_space();
        let pos = token.pos as u32;
        Ok(Some(match token.kind {
            Kind::Identifier => {
                let func = self.callee(token.text)?;
                Expr::Ident(Box::new(Ident {
                    pos,
                    name: token.text.into(),
                    func,
                }))
            }
            Kind::Dot => Expr::Dot(pos),
            Kind::Nil => Expr::Nil(pos),
            Kind::Variable => {
                if !self.scope.vars.contains(&token.text) {
                    return Err(self.error(format!("undefined variable {}", quote(token.text))));
                }
                let name = token.text.into();
                Expr::Variable(Box::new(Variable {
                    pos,
                    name,
                    fields: Vec::new(),
                }))
            }
            Kind::Field => {
                let names = vec![GoStr::from(&token.text[1..])];
                Expr::Field(Box::new(Field { pos, names }))
            }
            Kind::Bool => Expr::Bool(pos, token.text == "true"),
            Kind::CharConstant | Kind::Complex | Kind::Number => {
                Expr::Number(Box::new(self.number(&token)?))
            }
            Kind::LeftParen => {
                let pipe = self
                    .nested(|parser| parser.pipeline("parenthesized pipeline", Kind::RightParen))?;
                Expr::Pipe(Box::new(pipe))
            }
            Kind::String | Kind::RawString => {
                let value = Value::str(self.unquoted(token.text)?);
                Expr::Text(Box::new(Text {
                    pos,
                    quoted: token.text.into(),
                    value,
                }))
            }
            _ => {
                self.back(token);
                return Ok(None);
            }
        }))
    }

    fn callee(&self, name: &str) -> Result<Callee> {
        if let Some(entry) = self.funcs.get(name) {
            return Ok(Callee::Given(entry.clone()));
        }
        match Builtin::named(name) {
            Some(builtin) => Ok(Callee::Builtin(builtin)),
            None => Err(self.error(format!("function {} not defined", quote(name)))),
        }
    }

    fn number(&self, token: &Token<'_>) -> Result<Number> {
        let text = token.text;
        let pos = token.pos as u32;
        if token.kind == Kind::CharConstant {
            let int = i64::from(self.char_constant(text)?);
            let ideal = Some(Value::Int(int));
            let float = Some(int as f64);
            return Ok(Number {
                pos,
                text: text.into(),
                int: Some(int),
                float,
                ideal,
            });
        }
        if token.kind == Kind::Complex || text.ends_with('i') {
            let message = format!("complex constants are not supported: {}", quote(text));
            return Err(self.error(message));
        }
        let constant = parse_constant(text).map_err(|message| self.error(message))?;
        let lower = text.to_ascii_lowercase();
        let is_hex_int = lower.starts_with("0x") && !lower.contains('p');
        let ideal = match (constant.float, constant.int) {
            (Some(float), _) if !is_hex_int && lower.contains(['.', 'e', 'p']) => {
                Some(Value::Float(float))
            }
            (_, int) => int.map(Value::Int),
        };
        Ok(Number {
            pos,
            text: text.into(),
            int: constant.int,
            float: constant.float,
            ideal,
        })
    }

    fn char_constant(&self, text: &str) -> Result<u32> {
        let malformed = || self.error(format!("malformed character constant: {text}"));
        let (unit, tail) =
            unquote_char(&text[1..], '\'').ok_or_else(|| self.error("invalid syntax"))?;
        if tail != "'" {
            return Err(malformed());
        }
        Ok(match unit {
            Unit::Byte(byte) => u32::from(byte),
            Unit::Rune(rune) => rune as u32,
        })
    }
}
