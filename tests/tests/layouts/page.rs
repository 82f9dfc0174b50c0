//! The page's layouts, read back, and bytes read by them: what somebody would write who has the page and nothing else.
//!
//! Nothing here knows a type of the workspace, nor its codec.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// One form as it stands in the page.
#[derive(Clone, Debug)]
enum Form {
    Unit,
    Bool,
    /// Unsigned, of so many bytes.
    Number(usize),
    /// Signed, 8 bytes.
    Signed,
    Float,
    Text,
    Bytes,
    Fixed(usize),
    Option(Box<Self>),
    List(Box<Self>),
    Tuple(Vec<Self>),
    Named(String),
}

#[derive(Clone, Debug)]
enum Layout {
    Struct(Vec<(String, Form)>),
    Enum(BTreeMap<u32, (String, Variant)>),
    Is(Form),
}

#[derive(Clone, Debug)]
enum Variant {
    Form(Form),
    Fields(Vec<(String, Form)>),
}

/// All layouts of the page.
pub(crate) struct Page(BTreeMap<String, Layout>);

/// `bytes[32]`, `list(option(Noise))`, `tuple(Seat,Signature)`.
fn form(word: &str) -> Form {
    if let Some(len) = word.strip_prefix("bytes[") {
        return Form::Fixed(len.strip_suffix(']').unwrap().parse().unwrap());
    }
    if let Some((name, inner)) = word.split_once('(') {
        let inner = inner.strip_suffix(')').unwrap();
        return match name {
            "option" => Form::Option(Box::new(form(inner))),
            "list" => Form::List(Box::new(form(inner))),
            "tuple" => Form::Tuple(parts(inner).into_iter().map(form).collect()),
            _ => panic!("{word}"),
        };
    }
    match word {
        "unit" => Form::Unit,
        "bool" => Form::Bool,
        "u8" => Form::Number(1),
        "u16" => Form::Number(2),
        "u32" => Form::Number(4),
        "u64" => Form::Number(8),
        "i64" => Form::Signed,
        "f64" => Form::Float,
        "text" => Form::Text,
        "bytes" => Form::Bytes,
        name => Form::Named(name.to_owned()),
    }
}

/// What commas part that are in no brackets.
fn parts(words: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (place, letter) in words.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&words[start..place]);
                start = place + 1;
            }
            _ => {}
        }
    }
    parts.push(&words[start..]);
    parts
}

impl Page {
    /// From the blocks of the appendix.
    pub(crate) fn read(text: &str) -> Self {
        let (mut layouts, mut current) = (BTreeMap::new(), String::new());
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let indent = line.len() - line.trim_start().len();
            match (indent, &words[..]) {
                (0, ["struct", name, ..]) => {
                    (*name).clone_into(&mut current);
                    layouts.insert(current.clone(), Layout::Struct(Vec::new()));
                }
                (0, ["enum", name, ..]) => {
                    (*name).clone_into(&mut current);
                    layouts.insert(current.clone(), Layout::Enum(BTreeMap::new()));
                }
                (0, ["is", name, word, ..]) => {
                    layouts.insert((*name).to_owned(), Layout::Is(form(word)));
                }
                (4 | 8, _) => add(layouts.get_mut(&current).unwrap(), indent, &words),
                _ => {}
            }
        }
        Self(layouts)
    }

    /// Reads a value of the form `name` and nothing after it, as JSON with the page's names.
    pub(crate) fn value(&self, name: &str, bytes: &[u8]) -> Result<Value, String> {
        let mut reader = Reader { page: self, rest: bytes };
        let value = reader.form(&Form::Named(name.to_owned()))?;
        if reader.rest.is_empty() { Ok(value) } else { Err("bytes are left over".to_owned()) }
    }
}

fn add(layout: &mut Layout, indent: usize, words: &[&str]) {
    match layout {
        Layout::Struct(fields) => fields.push((words[0].to_owned(), form(words[1]))),
        Layout::Enum(variants) if indent == 4 => {
            let of = words.get(2).map(|word| Variant::Form(form(word)));
            let variant = (words[1].to_owned(), of.unwrap_or(Variant::Fields(Vec::new())));
            variants.insert(words[0].parse().unwrap(), variant);
        }
        Layout::Enum(variants) => {
            let (_, variant) = variants.values_mut().last().unwrap();
            let field = (words[0].to_owned(), form(words[1]));
            match variant {
                Variant::Fields(fields) => fields.push(field),
                Variant::Form(_) => panic!("{words:?}"),
            }
        }
        Layout::Is(_) => panic!("{words:?}"),
    }
}

struct Reader<'a> {
    page: &'a Page,
    rest: &'a [u8],
}

impl Reader<'_> {
    fn take(&mut self, count: usize) -> Result<&[u8], String> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or("too short")?;
        self.rest = rest;
        Ok(taken)
    }

    fn number(&mut self, width: usize) -> Result<u64, String> {
        let bytes = self.take(width)?;
        Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// A length: no more than there are bytes.
    fn length(&mut self) -> Result<usize, String> {
        let length = self.number(8)?;
        let there = self.rest.len();
        usize::try_from(length)
            .ok()
            .filter(|length| *length <= there)
            .ok_or_else(|| "a length".to_owned())
    }

    fn bytes(&mut self, count: usize) -> Result<Value, String> {
        Ok(self.take(count)?.iter().map(|byte| json!(byte)).collect())
    }

    fn form(&mut self, of: &Form) -> Result<Value, String> {
        Ok(match of {
            Form::Unit => Value::Null,
            Form::Bool => match self.number(1)? {
                0 => json!(false),
                1 => json!(true),
                _ => return Err("neither 0 nor 1".to_owned()),
            },
            Form::Number(width) => json!(self.number(*width)?),
            Form::Signed => json!(self.number(8)?.cast_signed()),
            Form::Float => json!(f64::from_bits(self.number(8)?)),
            Form::Text => {
                let length = self.length()?;
                let bytes = self.take(length)?.to_vec();
                json!(String::from_utf8(bytes).map_err(|_| "no UTF-8".to_owned())?)
            }
            Form::Bytes => {
                let length = self.length()?;
                self.bytes(length)?
            }
            Form::Fixed(length) => self.bytes(*length)?,
            Form::Option(of) => match self.number(1)? {
                0 => Value::Null,
                1 => self.form(of)?,
                _ => return Err("neither 0 nor 1".to_owned()),
            },
            Form::List(of) => {
                let length = self.length()?;
                (0..length).map(|_| self.form(of)).collect::<Result<Value, _>>()?
            }
            Form::Tuple(parts) => {
                parts.iter().map(|part| self.form(part)).collect::<Result<Value, _>>()?
            }
            Form::Named(name) => {
                let page = self.page;
                match page.0.get(name).ok_or_else(|| format!("{name} is not in the page"))? {
                    Layout::Is(of) => self.form(of)?,
                    Layout::Struct(fields) => self.fields(fields)?,
                    Layout::Enum(variants) => {
                        let number = u32::try_from(self.number(4)?).map_err(|_| "a variant")?;
                        let (name, variant) =
                            variants.get(&number).ok_or_else(|| "no such variant".to_owned())?;
                        match variant {
                            Variant::Fields(fields) if fields.is_empty() => json!(name),
                            Variant::Form(of) => json!({ name: self.form(of)? }),
                            Variant::Fields(fields) => json!({ name: self.fields(fields)? }),
                        }
                    }
                }
            }
        })
    }

    fn fields(&mut self, fields: &[(String, Form)]) -> Result<Value, String> {
        let read = fields.iter().map(|(name, of)| Ok((name.clone(), self.form(of)?)));
        read.collect::<Result<Map<_, _>, String>>().map(Value::Object)
    }
}
