//! Objects, the one part of the grammar with forms of its own.

use super::{Parser, constant};
use crate::ast::{Bind, Expr, FieldNode, FunctionNode, Kind, Node, ObjectNode, Visibility};
use crate::error::JsonnetError;
use crate::lex::Token;
use crate::value::Value;
use std::cell::Cell;
use std::rc::Rc;

#[derive(Default)]
struct Members {
    fields: Vec<FieldNode>,
    locals: Vec<Bind>,
    asserts: Vec<Expr>,
}

impl Members {
    fn into_node(self) -> ObjectNode {
        ObjectNode {
            fields: self.fields,
            locals: self.locals.into(),
            asserts: self.asserts.into(),
            names_root: Cell::new(false),
        }
    }
}

impl Parser<'_> {
    /// An object or a comprehension, of which the bracket is passed.
    pub(super) fn object(&mut self) -> Result<Kind, JsonnetError> {
        let mut members = Members::default();
        while !self.accept("}") {
            self.member(&mut members)?;
            let has_comma = self.accept(",");
            if self.is_keyword("for") {
                return self.object_comprehension(members);
            }
            if !has_comma && !self.is("}") {
                return Err(self.unexpected("where `,` or `}` is expected"));
            }
        }
        Ok(Kind::Object(members.into_node()))
    }

    fn object_comprehension(&mut self, members: Members) -> Result<Kind, JsonnetError> {
        if !members.asserts.is_empty() {
            return Err(self.fail("object comprehension cannot have asserts"));
        }
        let [field] = members.fields.as_slice() else {
            return Err(self.fail("object comprehension can only have one field"));
        };
        if field.visibility != Visibility::Inherited {
            return Err(self.fail("object comprehensions cannot have hidden fields"));
        }
        if matches!(field.name.kind, Kind::Constant(_)) {
            return Err(self.fail("object comprehensions can only have [e] fields"));
        }
        let specs = self.specs("}")?;
        Ok(Kind::ObjectComp(members.into_node(), specs))
    }

    fn member(&mut self, members: &mut Members) -> Result<(), JsonnetError> {
        match self.peek() {
            Token::Keyword("local") => {
                self.at += 1;
                let bind = self.bind()?;
                if members.locals.iter().any(|known| known.name == bind.name) {
                    let name = self.names.text(bind.name);
                    return Err(self.fail(format!("duplicate local var: {name}")));
                }
                members.locals.push(bind);
            }
            Token::Keyword("assert") => {
                let loc = self.loc();
                self.at += 1;
                let condition = self.expr()?;
                let message = if self.accept(":") {
                    Some(self.expr()?)
                } else {
                    None
                };
                let held = constant(Value::Null, loc.clone());
                members
                    .asserts
                    .push(Node::new(Kind::Assert(condition, message, held), loc));
            }
            _ => {
                let field = self.field()?;
                members.fields.push(field);
            }
        }
        Ok(())
    }

    fn field(&mut self) -> Result<FieldNode, JsonnetError> {
        let (loc, begin) = (self.loc(), self.at);
        let name = match self.next() {
            Token::Name(name) => constant(Value::text(&name), loc.clone()),
            Token::Text(text) => constant(Value::text(&text), loc.clone()),
            Token::Symbol("[") => {
                let name = self.expr()?;
                self.expect("]")?;
                // A computed name is told apart from a written one, also where it is constant.
                match &name.kind {
                    Kind::Constant(_) => {
                        Node::new(Kind::Local(Vec::new(), name.clone()), loc.clone())
                    }
                    _ => name,
                }
            }
            _ => {
                self.at = begin;
                return Err(self.unexpected("where a field is expected"));
            }
        };
        let method = if self.accept("(") {
            Some(self.params()?)
        } else {
            None
        };
        let (adds, visibility) = match self.peek() {
            Token::Symbol(":") => (false, Visibility::Inherited),
            Token::Symbol("::") => (false, Visibility::Hidden),
            Token::Symbol(":::") => (false, Visibility::Shown),
            Token::Symbol("+:") => (true, Visibility::Inherited),
            Token::Symbol("+::") => (true, Visibility::Hidden),
            Token::Symbol("+:::") => (true, Visibility::Shown),
            _ => return Err(self.unexpected("where `:` is expected")),
        };
        if adds && method.is_some() {
            return Err(self.fail("cannot use `+` with a method"));
        }
        self.at += 1;
        let body = self.expr()?;
        let body = match method {
            None => body,
            Some(params) => Node::new(Kind::Function(Rc::new(FunctionNode { params, body })), loc),
        };
        Ok(FieldNode {
            name,
            body,
            adds,
            visibility,
        })
    }
}
