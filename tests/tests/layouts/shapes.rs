//! What bytes the types of the wire ask for: found by being read from, variant by variant, until there is no other.
//!
//! [`Explorer`] is a deserialiser without bytes. It notes what is asked of it, answers with the simplest value, and takes in every
//! enum the first variant of which something is still unknown. So nothing is forgotten for want of an example.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::value::U32Deserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer as _,
    SeqAccess, VariantAccess, Visitor,
};

/// The form of one value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Not seen yet.
    #[default]
    Unknown,
    Unit,
    /// A number, a truth value, a text or a byte string, by its word in the page.
    Plain(&'static str),
    Option(Box<Self>),
    List(Box<Self>),
    Tuple(Vec<Self>),
    Named(String),
}

/// A named form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    Struct(Vec<(String, Shape)>),
    Is(Shape),
    Enum(Vec<(String, Variant)>),
}

/// What follows the number of a variant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Variant {
    #[default]
    Unknown,
    Shape(Shape),
    Fields(Vec<(String, Shape)>),
}

/// Every named form that was met.
#[derive(Debug, Default)]
pub(crate) struct Explorer {
    pub(crate) containers: RefCell<BTreeMap<String, Container>>,
    texts: RefCell<u32>,
}

/// What a type refuses whose checks the simplest value does not pass; what was noted stays.
#[derive(Debug)]
pub(crate) struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

impl Error for Refused {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Numbers that pass the checks of their type where 1 does not; lengths of lists likewise.
const NUMBERS: [(&str, u32); 7] = [
    ("GridSpec.cells", 2),
    ("Fixed.bits", 4),
    ("GramSpec.norm_milli", 1_000),
    ("BinsSpec.high", 9),
    ("numeric.min", 0),
    ("ordinal.levels", 2),
    ("categorical.levels", 2),
];

impl Explorer {
    /// Notes everything of `T`; gives one value for each variant that its checks let through.
    pub(crate) fn explore<T: DeserializeOwned>(&self) -> Vec<T> {
        let (mut values, mut root, mut refused) = (Vec::new(), Shape::Unknown, None);
        for _ in 0..2_000 {
            let place = String::new();
            match T::deserialize(At { explorer: self, shape: &mut root, place }) {
                Ok(value) => values.push(value),
                Err(error) => refused = Some(error),
            }
            if self.is_known(&root, &mut BTreeSet::new()) {
                return values;
            }
        }
        let containers = self.containers.borrow();
        let left: Vec<_> =
            containers.iter().filter(|(_, of)| format!("{of:?}").contains("Unknown")).collect();
        panic!(
            "{root:?} stays unknown, as a check refuses what NUMBERS say: {refused:?}; {left:#?}"
        )
    }

    /// Gives a form a name wherever it stands: some types on the wire have none of their own.
    pub(crate) fn call(&self, name: &str, form: &Shape) {
        let mut containers = self.containers.borrow_mut();
        for container in containers.values_mut() {
            match container {
                Container::Is(of) => rename(of, name, form),
                Container::Struct(fields) => {
                    for (_, of) in fields {
                        rename(of, name, form);
                    }
                }
                Container::Enum(variants) => {
                    for (_, variant) in variants {
                        match variant {
                            Variant::Unknown => {}
                            Variant::Shape(of) => rename(of, name, form),
                            Variant::Fields(fields) => {
                                for (_, of) in fields {
                                    rename(of, name, form);
                                }
                            }
                        }
                    }
                }
            }
        }
        containers.insert(name.to_owned(), Container::Is(form.clone()));
    }

    fn is_known(&self, shape: &Shape, met: &mut BTreeSet<String>) -> bool {
        match shape {
            Shape::Unknown => false,
            Shape::Unit | Shape::Plain(_) => true,
            Shape::Option(of) | Shape::List(of) => self.is_known(of, met),
            Shape::Tuple(parts) => parts.iter().all(|part| self.is_known(part, met)),
            Shape::Named(name) if !met.insert(name.clone()) => true,
            Shape::Named(name) => match self.containers.borrow().get(name).cloned() {
                None => false,
                Some(Container::Is(of)) => self.is_known(&of, met),
                Some(Container::Struct(fields)) => self.are_known(&fields, met),
                Some(Container::Enum(variants)) => {
                    variants.iter().all(|(_, variant)| self.is_variant_known(variant, met))
                }
            },
        }
    }

    fn are_known(&self, fields: &[(String, Shape)], met: &mut BTreeSet<String>) -> bool {
        fields.iter().all(|(_, shape)| self.is_known(shape, met))
    }

    fn is_variant_known(&self, variant: &Variant, met: &mut BTreeSet<String>) -> bool {
        match variant {
            Variant::Unknown => false,
            Variant::Shape(shape) => self.is_known(shape, met),
            Variant::Fields(fields) => self.are_known(fields, met),
        }
    }

    /// Notes a container; two of one name must be one.
    fn note(&self, name: &str, found: Container) {
        let mut containers = self.containers.borrow_mut();
        let known = containers.entry(name.to_owned()).or_insert_with(|| found.clone());
        match (known, found) {
            (Container::Is(known), Container::Is(found)) => merge(known, found),
            (Container::Struct(known), Container::Struct(found)) => {
                assert!(names(known).eq(names(&found)), "two types are called {name}");
                known.iter_mut().zip(found).for_each(|((_, to), (_, from))| merge(to, from));
            }
            (Container::Enum(known), Container::Enum(found)) => {
                assert!(names(known).eq(names(&found)), "two types are called {name}");
                for ((_, to), (_, from)) in known.iter_mut().zip(found) {
                    match (&mut *to, from) {
                        (_, Variant::Unknown) => {}
                        (Variant::Fields(to), Variant::Fields(from)) => {
                            to.iter_mut()
                                .zip(from)
                                .for_each(|((_, to), (_, from))| merge(to, from));
                        }
                        (Variant::Shape(to), Variant::Shape(from)) => merge(to, from),
                        (_, from) => *to = from,
                    }
                }
            }
            (known, found) => panic!("two types are called {name}: {known:?}, {found:?}"),
        }
    }

    /// The first variant of which something is unknown, or the first.
    fn choose(&self, name: &str) -> usize {
        let containers = self.containers.borrow().get(name).cloned();
        let Some(Container::Enum(variants)) = containers else { return 0 };
        let known = |variant: &Variant| self.is_variant_known(variant, &mut BTreeSet::new());
        variants.iter().position(|(_, variant)| !known(variant)).unwrap_or(0)
    }
}

fn rename(of: &mut Shape, name: &str, form: &Shape) {
    if of == form {
        *of = Shape::Named(name.to_owned());
        return;
    }
    match of {
        Shape::Option(inner) | Shape::List(inner) => rename(inner, name, form),
        Shape::Tuple(parts) => {
            for part in parts {
                rename(part, name, form);
            }
        }
        Shape::Unknown | Shape::Unit | Shape::Plain(_) | Shape::Named(_) => {}
    }
}

fn names<T>(parts: &[(String, T)]) -> impl Iterator<Item = &String> {
    parts.iter().map(|(name, _)| name)
}

fn merge(to: &mut Shape, from: Shape) {
    match (&mut *to, from) {
        (_, Shape::Unknown) => {}
        (Shape::Option(to), Shape::Option(from)) | (Shape::List(to), Shape::List(from)) => {
            merge(to, *from);
        }
        (Shape::Tuple(to), Shape::Tuple(from)) if to.len() == from.len() => {
            to.iter_mut().zip(from).for_each(|(to, from)| merge(to, from));
        }
        (Shape::Unknown, from) => *to = from,
        (known, from) => assert_eq!(*known, from, "one place, two forms"),
    }
}

/// One place in a type.
struct At<'a> {
    explorer: &'a Explorer,
    shape: &'a mut Shape,
    /// The field it is: "Plan.version".
    place: String,
}

impl At<'_> {
    fn number(&self) -> u32 {
        let known = NUMBERS.iter().find(|(place, _)| *place == self.place);
        known.map_or(1, |(_, number)| *number)
    }

    fn plain(&mut self, word: &'static str) {
        merge(self.shape, Shape::Plain(word));
    }
}

/// Parts one after the other, each noted, also if a later one is refused.
struct Parts<'a> {
    explorer: &'a Explorer,
    shapes: &'a mut [Shape],
    names: Vec<String>,
    next: usize,
    /// How often the only part is repeated, in a list.
    repeats: Option<usize>,
}

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = Refused;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Refused> {
        let number = self.next;
        self.next += 1;
        let index = match self.repeats {
            Some(count) if number >= count => return Ok(None),
            Some(_) => 0,
            None if number >= self.shapes.len() => return Ok(None),
            None => number,
        };
        let place = self.names.get(index).cloned().unwrap_or_default();
        seed.deserialize(At { explorer: self.explorer, shape: &mut self.shapes[index], place })
            .map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        self.repeats
    }
}

/// Visits parts, and gives their forms whatever comes of it.
fn parts<'de, V: Visitor<'de>>(
    explorer: &Explorer,
    owner: &str,
    fields: &[&str],
    visitor: V,
) -> (Vec<Shape>, Result<V::Value, Refused>) {
    let mut shapes = vec![Shape::Unknown; fields.len()];
    let names = fields.iter().map(|field| format!("{owner}.{field}")).collect();
    let read =
        visitor.visit_seq(Parts { explorer, shapes: &mut shapes, names, next: 0, repeats: None });
    (shapes, read)
}

fn named(fields: &[&str], shapes: Vec<Shape>) -> Vec<(String, Shape)> {
    fields.iter().map(|field| (*field).to_owned()).zip(shapes).collect()
}

macro_rules! plain {
    ($($method:ident $visit:ident $word:literal $value:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
            self.plain($word);
            visitor.$visit($value(self.number()))
        }
    )*};
}

macro_rules! never {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refused> {
            panic!("{}: no such form is on the wire: {}", self.place, stringify!($method))
        }
    )*};
}

#[expect(clippy::cast_possible_truncation, reason = "numbers are at most 1,000")]
impl<'de> Deserializer<'de> for At<'_> {
    type Error = Refused;

    plain! {
        deserialize_bool visit_bool "bool" |number| number == 1;
        deserialize_u8 visit_u8 "u8" |number| number as u8;
        deserialize_u16 visit_u16 "u16" |number| number as u16;
        deserialize_u32 visit_u32 "u32" |number| number;
        deserialize_u64 visit_u64 "u64" u64::from;
        deserialize_i64 visit_i64 "i64" i64::from;
        deserialize_f64 visit_f64 "f64" f64::from;
    }

    never! {
        deserialize_any deserialize_i8 deserialize_i16 deserialize_i32 deserialize_f32 deserialize_char
        deserialize_map deserialize_identifier deserialize_ignored_any
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_str<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
        self.plain("text");
        let number = self.explorer.texts.replace_with(|number| *number + 1);
        visitor.visit_string(format!("text {number}"))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
        self.plain("bytes");
        visitor.visit_byte_buf(vec![7; self.number() as usize])
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let mut of = Shape::Unknown;
        let inner = At { explorer: self.explorer, shape: &mut of, place: self.place };
        let read = visitor.visit_some(inner);
        merge(self.shape, Shape::Option(Box::new(of)));
        read
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        merge(self.shape, Shape::Unit);
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let mut of = Shape::Unknown;
        let inner = At { explorer: self.explorer, shape: &mut of, place: self.place };
        let read = visitor.visit_newtype_struct(inner);
        self.explorer.note(name, Container::Is(of));
        merge(self.shape, Shape::Named(name.to_owned()));
        read
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let (mut of, repeats) = ([Shape::Unknown], Some(self.number() as usize));
        let (explorer, names) = (self.explorer, vec![self.place]);
        let read = visitor.visit_seq(Parts { explorer, shapes: &mut of, names, next: 0, repeats });
        let [of] = of;
        merge(self.shape, Shape::List(Box::new(of)));
        read
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let (shapes, read) = parts(self.explorer, &self.place, &vec![""; len], visitor);
        merge(self.shape, Shape::Tuple(shapes));
        read
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let (shapes, read) = parts(self.explorer, name, &vec![""; len], visitor);
        self.explorer.note(name, Container::Is(Shape::Tuple(shapes)));
        merge(self.shape, Shape::Named(name.to_owned()));
        read
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let (shapes, read) = parts(self.explorer, name, fields, visitor);
        self.explorer.note(name, Container::Struct(named(fields, shapes)));
        merge(self.shape, Shape::Named(name.to_owned()));
        read
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let unknown = || variants.iter().map(|of| ((*of).to_owned(), Variant::Unknown)).collect();
        let mut all: Vec<(String, Variant)> = unknown();
        self.explorer.note(name, Container::Enum(unknown()));
        let chosen = self.explorer.choose(name);
        let (of, variant) = &mut all[chosen];
        let index = u32::try_from(chosen).map_err(Refused::custom)?;
        let explorer = self.explorer;
        let read = visitor.visit_enum(Chosen { explorer, index, name: of.clone(), variant });
        explorer.note(name, Container::Enum(all));
        merge(self.shape, Shape::Named(name.to_owned()));
        read
    }
}

struct Chosen<'a> {
    explorer: &'a Explorer,
    index: u32,
    name: String,
    variant: &'a mut Variant,
}

impl<'de> EnumAccess<'de> for Chosen<'_> {
    type Error = Refused;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Refused> {
        let index: U32Deserializer<Refused> = self.index.into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> VariantAccess<'de> for Chosen<'_> {
    type Error = Refused;

    fn unit_variant(self) -> Result<(), Refused> {
        *self.variant = Variant::Fields(Vec::new());
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Refused> {
        let mut of = Shape::Unknown;
        let read =
            seed.deserialize(At { explorer: self.explorer, shape: &mut of, place: self.name });
        *self.variant = Variant::Shape(of);
        read
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Refused> {
        let (shapes, read) = parts(self.explorer, &self.name, &vec![""; len], visitor);
        *self.variant = Variant::Shape(Shape::Tuple(shapes));
        read
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let (shapes, read) = parts(self.explorer, &self.name, fields, visitor);
        *self.variant = Variant::Fields(named(fields, shapes));
        read
    }
}
