//! Functions on regular expressions, and those on semantic versions.

use crate::args::{Outcome, int, string, strings, text, utf8};
use crate::regexp::{Regexp, quote_meta};
use crate::text::{quoted, runes};
use argosy_gotmpl::{CallCx, Elem, FuncError, FuncTable, Host, List, Value};
use argosy_semver::{Constraint, Version};
use std::sync::Arc;

pub(crate) fn add(table: FuncTable) -> FuncTable {
    let table = table
        .with_typed("regexMatch", "string, string", |cx, a| {
            charge_search(cx, a)?;
            Ok(Value::Bool(
                Regexp::new(&utf8(a, 0)).is_ok_and(|r| r.is_match(text(a, 1))),
            ))
        })
        .with_typed("mustRegexMatch", "string, string", |cx, a| {
            charge_search(cx, a)?;
            Ok(Value::Bool(compiled(a, true)?.is_match(text(a, 1))))
        })
        .with_typed("regexQuoteMeta", "string", |_, a| {
            string(quote_meta(text(a, 0)))
        });
    [("regex", false), ("mustRegex", true)].into_iter().fold(
        versions(table),
        |table, (start, must)| {
            let name = |plain: &str| format!("{start}{plain}");
            table
                .with_typed(&name("Find"), "string, string", move |cx, a| {
                    charge_search(cx, a)?;
                    string(
                        compiled(a, must)?
                            .find(text(a, 1))
                            .unwrap_or_default()
                            .to_vec(),
                    )
                })
                .with_typed(&name("FindAll"), "string, string, int", move |cx, a| {
                    charge_search(cx, a)?;
                    let subject = text(a, 1);
                    let found = compiled(a, must)?.find_all(subject, int(a, 2));
                    if found.is_empty() {
                        return Ok(Value::List(List::nil_slice(Elem::Str)));
                    }
                    strings(cx, found.into_iter().map(|range| subject[range].to_vec()))
                })
                .with_typed(
                    &name("ReplaceAll"),
                    "string, string, string",
                    move |cx, a| {
                        charge_replacement(cx, a)?;
                        string(compiled(a, must)?.replace_all(text(a, 1), text(a, 2)))
                    },
                )
                .with_typed(
                    &name("ReplaceAllLiteral"),
                    "string, string, string",
                    move |cx, a| {
                        charge_replacement(cx, a)?;
                        string(compiled(a, must)?.replace_all_literal(text(a, 1), text(a, 2)))
                    },
                )
                .with_typed(&name("Split"), "string, string, int", move |cx, a| {
                    charge_search(cx, a)?;
                    if int(a, 2) == 0 {
                        compiled(a, must)?;
                        return Ok(Value::List(List::nil_slice(Elem::Str)));
                    }
                    let pieces = compiled(a, must)?.split(text(a, 1), int(a, 2));
                    strings(cx, pieces.into_iter().map(<[u8]>::to_vec))
                })
        },
    )
}

/// A search looks at every byte of the subject, and an expression is read anew each time.
fn charge_search(cx: &mut CallCx<'_>, args: &[Value]) -> Result<(), FuncError> {
    let (expression, subject) = (text(args, 0).len() as u64, text(args, 1).len() as u64);
    cx.charge(
        expression
            .saturating_mul(64)
            .saturating_add(subject.saturating_mul(16)),
    )
}

/// The most that a replacement can grow to.
fn charge_replacement(cx: &mut CallCx<'_>, args: &[Value]) -> Result<(), FuncError> {
    charge_search(cx, args)?;
    let (subject, template) = (text(args, 1).len() as u64, text(args, 2).len() as u64);
    cx.charge(subject.saturating_add((subject + 1).saturating_mul(template.min(1 << 20) / 8)))
}

fn compiled(args: &[Value], must: bool) -> Result<Regexp, FuncError> {
    let bytes = text(args, 0);
    let expression = match std::str::from_utf8(bytes) {
        Ok(expression) => expression,
        Err(error) => {
            let rest: String = runes(&bytes[error.valid_up_to()..]).into_iter().collect();
            let fault = format!("error parsing regexp: invalid UTF-8: `{rest}`");
            if must {
                return Err(FuncError::new(fault));
            }
            let shown = quoted(bytes);
            let shown = String::from_utf8_lossy(&shown);
            return Err(FuncError::new(format!("regexp: Compile({shown}): {fault}")));
        }
    };
    Regexp::new(expression).map_err(|error| {
        if must {
            return FuncError::new(error.to_string());
        }
        // What `regexp.MustCompile` panics with.
        let is_plain = |c: char| c != '`' && c != '\u{feff}' && (c == '\t' || !c.is_control());
        let shown = if expression.chars().all(is_plain) {
            format!("`{expression}`")
        } else {
            String::from_utf8_lossy(&quoted(expression.as_bytes())).into_owned()
        };
        FuncError::new(format!("regexp: Compile({shown}): {error}"))
    })
}

fn versions(table: FuncTable) -> FuncTable {
    table
        .with_typed("semver", "string", |_, a| {
            let version = Version::parse(&utf8(a, 0)).map_err(|e| e.to_string())?;
            Ok(Value::Host(Arc::new(SemVer(version))))
        })
        .with_typed("semverCompare", "string, string", |_, a| {
            let constraint = Constraint::parse(&utf8(a, 0)).map_err(|e| e.to_string())?;
            let version = Version::parse(&utf8(a, 1)).map_err(|e| e.to_string())?;
            Ok(Value::Bool(constraint.check(&version)))
        })
}

/// What `semver` gives back: a `*semver.Version` with its methods.
#[derive(Debug)]
struct SemVer(Version);

impl SemVer {
    fn made(version: Version) -> Value {
        Value::Host(Arc::new(Self(version)))
    }

    fn other(args: &[Value]) -> Result<Version, FuncError> {
        match args {
            [Value::Host(host)] if host.go_type() == "*semver.Version" => {
                Version::parse(&host.display().unwrap_or_default())
                    .map_err(|e| FuncError::new(e.to_string()))
            }
            _ => Err(FuncError::new(
                "wrong type for value; expected *semver.Version",
            )),
        }
    }
}

impl Host for SemVer {
    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn call(&self, name: &str, args: &[Value]) -> Option<Outcome> {
        let version = &self.0;
        let compared = |holds: fn(std::cmp::Ordering) -> bool| {
            Some(Self::other(args).map(|other| Value::Bool(holds(version.cmp(&other)))))
        };
        Some(Ok(match name {
            "Major" => Value::Int64(version.major() as i64),
            "Minor" => Value::Int64(version.minor() as i64),
            "Patch" => Value::Int64(version.patch() as i64),
            "Prerelease" => Value::str(version.prerelease()),
            "Metadata" => Value::str(version.metadata()),
            "Original" => Value::str(version.original()),
            "String" => Value::str(version.to_string()),
            "IncPatch" => Self::made(version.inc_patch()),
            "IncMinor" => Self::made(version.inc_minor()),
            "IncMajor" => Self::made(version.inc_major()),
            "SetPrerelease" => {
                let next = version
                    .set_prerelease(&utf8(args, 0))
                    .map_err(|e| e.to_string());
                return Some(next.map(Self::made).map_err(FuncError::from));
            }
            "SetMetadata" => {
                let next = version
                    .set_metadata(&utf8(args, 0))
                    .map_err(|e| e.to_string());
                return Some(next.map(Self::made).map_err(FuncError::from));
            }
            "Compare" => {
                return Some(Self::other(args).map(|o| Value::Int(version.cmp(&o) as i64)));
            }
            "Equal" => return compared(std::cmp::Ordering::is_eq),
            "LessThan" => return compared(std::cmp::Ordering::is_lt),
            "LessThanEqual" => return compared(std::cmp::Ordering::is_le),
            "GreaterThan" => return compared(std::cmp::Ordering::is_gt),
            "GreaterThanEqual" => return compared(std::cmp::Ordering::is_ge),
            _ => return None,
        }))
    }

    fn go_type(&self) -> &'static str {
        "*semver.Version"
    }

    fn plain(&self) -> Option<Value> {
        Some(Value::str(self.0.to_string()))
    }

    fn display(&self) -> Option<String> {
        Some(self.0.to_string())
    }
}
