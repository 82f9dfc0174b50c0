//! The layouts in docs/PROTOCOL.md, appendix A: they are those of the types, and bytes can be read by them alone.
//!
//! `CONCERT_WRITE_LAYOUTS=1 cargo nextest run --release -p tests --test layouts` writes the appendix anew.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[path = "layouts/limits.rs"]
mod limits;
#[path = "layouts/page.rs"]
mod page;
#[path = "layouts/shapes.rs"]
mod shapes;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use limits::Limits;
use page::Page;
use protocol::campaign::{Manifest, Plan};
use protocol::codec;
use protocol::invite::Invite;
use protocol::keys::{Label, digest};
use protocol::messages::{Request, Response};
use protocol::report::Report;
use protocol::transcript::{Endorsed, Entry};
use protocol::wire::{Ask, Greeting, Hello, Reply};
use serde::{Serialize, de::DeserializeOwned};
use shapes::{Container, Explorer, Shape, Variant};

const BEGIN: &str = "<!-- begin layouts -->\n";
const END: &str = "<!-- end layouts -->\n";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Where each heading of the appendix begins.
const GROUPS: [(&str, &[&str]); 6] = [
    ("Envelopes", &["Hello", "Greeting", "Ask", "Reply"]),
    ("Messages", &["Request", "Response"]),
    ("Reports", &["Report", "FrozenReport", "Enrolment", "Receipt", "Withdrawal"]),
    ("Transcript", &["Entry", "Endorsed"]),
    ("Plan", &["Plan"]),
    ("Manifest", &["Manifest"]),
];

struct Found {
    explorer: Explorer,
}

/// What a value's form is called, its bytes, and the value.
type Example = (&'static str, Vec<u8>, serde_json::Value);

/// Everything on the wire, and examples by root.
fn explored() -> (Found, Vec<Example>) {
    let explorer = Explorer::default();
    let mut examples = Vec::new();
    of::<Hello>(&explorer, "Hello", &mut examples);
    of::<Greeting>(&explorer, "Greeting", &mut examples);
    of::<Ask>(&explorer, "Ask", &mut examples);
    of::<Reply>(&explorer, "Reply", &mut examples);
    of::<Entry>(&explorer, "Entry", &mut examples);
    of::<Plan>(&explorer, "Plan", &mut examples);
    of::<Manifest>(&explorer, "Manifest", &mut examples);
    explorer.call("Signature", &Shape::Tuple(vec![Shape::Tuple(vec![Shape::Plain("u8"); 32]); 2]));
    (Found { explorer }, examples)
}

fn of<T: DeserializeOwned + Serialize>(
    explorer: &Explorer,
    name: &'static str,
    examples: &mut Vec<Example>,
) {
    for value in explorer.explore::<T>() {
        examples.push((name, codec::encode(&value), serde_json::to_value(&value).unwrap()));
    }
}

/// A form as the page writes it.
fn word(shape: &Shape) -> String {
    match shape {
        Shape::Unknown => panic!("a form is unknown"),
        Shape::Unit => "unit".to_owned(),
        Shape::Plain(word) => (*word).to_owned(),
        Shape::Option(of) => format!("option({})", word(of)),
        Shape::List(of) => format!("list({})", word(of)),
        Shape::Tuple(parts) if parts.iter().all(|part| *part == Shape::Plain("u8")) => {
            format!("bytes[{}]", parts.len())
        }
        Shape::Tuple(parts) => {
            format!("tuple({})", parts.iter().map(word).collect::<Vec<_>>().join(","))
        }
        Shape::Named(name) => name.clone(),
    }
}

/// The fewest bytes, and whether there are never more.
type Width = (usize, bool);

fn text((least, fixed): Width) -> String {
    if fixed { least.to_string() } else { format!("{least}+") }
}

impl Found {
    fn width(&self, shape: &Shape) -> Width {
        match shape {
            Shape::Unknown | Shape::Unit => (0, true),
            Shape::Plain("bool" | "u8") => (1, true),
            Shape::Plain("u16") => (2, true),
            Shape::Plain("u32") => (4, true),
            Shape::Plain("u64" | "i64" | "f64") => (8, true),
            Shape::Plain(_) | Shape::List(_) => (8, false),
            Shape::Option(_) => (1, false),
            Shape::Tuple(parts) => self.sum(parts.iter()),
            Shape::Named(name) => match &self.explorer.containers.borrow()[name] {
                Container::Is(of) => self.width(of),
                Container::Struct(fields) => self.sum(fields.iter().map(|(_, of)| of)),
                Container::Enum(variants) => {
                    let widths: Vec<Width> =
                        variants.iter().map(|(_, variant)| self.variant(variant)).collect();
                    let least = widths.iter().map(|(least, _)| *least).min().unwrap_or(0);
                    (4 + least, widths.iter().all(|width| *width == (least, true)))
                }
            },
        }
    }

    fn variant(&self, variant: &Variant) -> Width {
        match variant {
            Variant::Unknown => (0, true),
            Variant::Shape(of) => self.width(of),
            Variant::Fields(fields) => self.sum(fields.iter().map(|(_, of)| of)),
        }
    }

    fn sum<'a>(&self, parts: impl Iterator<Item = &'a Shape>) -> Width {
        parts.fold((0, true), |(least, fixed), part| {
            let (more, still) = self.width(part);
            (least + more, fixed && still)
        })
    }

    fn line(
        &self,
        indent: usize,
        owner: &str,
        (name, of): &(String, Shape),
        limits: &Limits,
    ) -> String {
        let limit = limits.of(&format!("{owner}.{name}"));
        let (form, width) = (word(of), text(self.width(of)));
        let room = 28 - indent;
        let line = format!("{:indent$}{name:<room$}{form:<32} {width:<6} {limit}", "");
        line.trim_end().to_owned() + "\n"
    }

    /// One block of the page.
    fn block(&self, name: &str, limits: &Limits) -> String {
        let width = text(self.width(&Shape::Named(name.to_owned())));
        let head = |kind: &str| format!("{kind:<7}{name:<53} {width}\n");
        match &self.explorer.containers.borrow()[name] {
            Container::Is(of) => {
                let limit = limits.of(&format!("Is.{name}"));
                let line = format!("is     {name:<21}{:<32} {width:<6} {limit}", word(of));
                line.trim_end().to_owned() + "\n"
            }
            Container::Struct(fields) => {
                let lines = fields.iter().map(|field| self.line(4, name, field, limits));
                head("struct") + &lines.collect::<String>()
            }
            Container::Enum(variants) => {
                let mut block = head("enum");
                for (number, (variant, of)) in variants.iter().enumerate() {
                    let named = format!("{number} {variant}");
                    match of {
                        Variant::Unknown => panic!("{name}::{variant} is unknown"),
                        Variant::Shape(of) => {
                            let limit = limits.of(&format!("{name}.{variant}"));
                            let (form, width) = (word(of), text(self.width(of)));
                            let line = format!("    {named:<24}{form:<32} {width:<6} {limit}");
                            writeln!(block, "{}", line.trim_end()).unwrap();
                        }
                        Variant::Fields(fields) => {
                            writeln!(block, "    {named}").unwrap();
                            for field in fields {
                                block.push_str(&self.line(8, variant, field, limits));
                            }
                        }
                    }
                }
                block
            }
        }
    }

    /// The names in `name`, in the order of reading.
    fn inside(&self, name: &str) -> Vec<String> {
        fn of(shape: &Shape, names: &mut Vec<String>) {
            match shape {
                Shape::Unknown | Shape::Unit | Shape::Plain(_) => {}
                Shape::Option(inner) | Shape::List(inner) => of(inner, names),
                Shape::Tuple(parts) => parts.iter().for_each(|part| of(part, names)),
                Shape::Named(name) => names.push(name.clone()),
            }
        }
        let mut names = Vec::new();
        match &self.explorer.containers.borrow()[name] {
            Container::Is(shape) => of(shape, &mut names),
            Container::Struct(fields) => fields.iter().for_each(|(_, field)| of(field, &mut names)),
            Container::Enum(variants) => {
                for (_, variant) in variants {
                    match variant {
                        Variant::Unknown => {}
                        Variant::Shape(shape) => of(shape, &mut names),
                        Variant::Fields(fields) => {
                            for (_, field) in fields {
                                of(field, &mut names);
                            }
                        }
                    }
                }
            }
        }
        names
    }

    /// Blocks from `name` on, each once; what begins another heading is left to it.
    fn blocks(&self, name: &str, written: &mut BTreeSet<String>, limits: &Limits) -> String {
        if !written.insert(name.to_owned()) {
            return String::new();
        }
        let mut text = self.block(name, limits);
        for inner in self.inside(name) {
            if !GROUPS.iter().any(|(_, roots)| roots.contains(&&*inner)) {
                text.push_str(&self.blocks(&inner, written, limits));
            }
        }
        text
    }

    fn appendix(&self) -> String {
        let (limits, mut written) = (Limits::default(), BTreeSet::new());
        let mut text = String::new();
        for (heading, roots) in GROUPS {
            let blocks: String =
                roots.iter().map(|root| self.blocks(root, &mut written, &limits)).collect();
            write!(text, "\n### {heading}\n\n```text\n{blocks}```\n").unwrap();
        }
        let known: BTreeSet<String> = self.explorer.containers.borrow().keys().cloned().collect();
        assert_eq!(written, known, "every form is written once");
        limits.are_all_used();
        text + "\n"
    }
}

fn document() -> String {
    fs::read_to_string(path("../docs/PROTOCOL.md")).unwrap()
}

/// What stands between the marks.
fn layouts(document: &str) -> &str {
    let (_, rest) = document.split_once(BEGIN).expect("the mark where layouts begin");
    rest.split_once(END).expect("the mark where layouts end").0
}

#[test]
fn the_layouts_of_the_document_are_those_of_the_types() {
    let (found, _) = explored();
    let (appendix, text) = (found.appendix(), document());
    if std::env::var_os("CONCERT_WRITE_LAYOUTS").is_some() {
        let (before, rest) = text.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        let text = [before, BEGIN, &appendix, END, after].concat();
        fs::write(path("../docs/PROTOCOL.md"), text).unwrap();
        return;
    }
    let different = layouts(&text).lines().zip(appendix.lines()).find(|(is, must)| is != must);
    assert_eq!(
        different, None,
        "write it anew, by CONCERT_WRITE_LAYOUTS=1, if the change is meant"
    );
    assert_eq!(layouts(&text).len(), appendix.len());
}

#[test]
fn everything_on_the_wire_can_be_read_by_the_document_alone() {
    let (found, examples) = explored();
    let text = document();
    let page = Page::read(layouts(&text));
    let mut seen = BTreeSet::new();
    for (name, bytes, value) in &examples {
        assert_eq!(page.value(name, bytes).as_ref(), Ok(value), "{name}");
        seen.insert(*name);
        assert!(page.value(name, &bytes[..bytes.len() - 1]).is_err(), "{name} cut short");
        assert!(page.value(name, &[bytes, &[0][..]].concat()).is_err(), "{name} and more");
    }
    assert_eq!(seen.len(), 7, "an example of each: {seen:?}");
    drop(found);
}

/// Real messages of a campaign, as fuzz targets begin with them.
#[test]
fn real_messages_can_be_read_by_the_document_alone() {
    let text = document();
    let page = Page::read(layouts(&text));
    let each = |folder: &str, read: &dyn Fn(&[u8]) -> serde_json::Value, name: &str| {
        let files = fs::read_dir(path("fuzz/corpus").join(folder)).unwrap();
        let mut count = 0;
        for file in files {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            assert_eq!(page.value(name, &bytes), Ok(read(&bytes)), "{folder}");
            count += 1;
        }
        count
    };
    assert!(each("entry", &json::<Entry>, "Entry") > 15);
    assert!(each("request", &json::<Request>, "Request") > 6);
    assert!(each("response", &json::<Response>, "Response") > 6);
    assert!(each("report", &json::<Report>, "Report") > 0);
    assert!(each("endorsed", &json::<Endorsed>, "Endorsed") > 0);
    assert!(each("plan", &json::<Plan>, "Plan") > 0);
    assert!(each("manifest", &json::<Manifest>, "Manifest") > 0);
}

fn json<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> serde_json::Value {
    let value: T = codec::decode::<T, { codec::MESSAGE_BYTES_MAX }>(bytes).unwrap();
    serde_json::to_value(value).unwrap()
}

/// A transcript's file: a line, then for each entry its length in four bytes, and its bytes.
#[test]
fn a_transcript_can_be_read_by_the_document_alone() {
    let bytes = fs::read(path("fuzz/corpus/transcript/whole")).unwrap();
    let text = document();
    let page = Page::read(layouts(&text));
    let mut rest = bytes.strip_prefix(b"concert transcript 1\n").unwrap();
    let mut kinds = BTreeSet::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (entry, after) = after.split_at(u32::from_le_bytes(*length).try_into().unwrap());
        rest = after;
        let value = page.value("Entry", entry).unwrap();
        let post = &value["signed"]["post"];
        kinds.extend(post.as_object().unwrap().keys().cloned());
    }
    assert!(rest.is_empty() && kinds.contains("Plan") && kinds.contains("Outcome"), "{kinds:?}");
}

/// The bytes in a code, by section 14: values of five bits in groups of up to seven, each with a check.
fn code_bytes(code: &str) -> Option<Vec<u8>> {
    const ALPHABET: &str = "0123456789abcdefghjkmnpqrstvwxyz";
    let mut values = Vec::new();
    for (number, group) in
        (0_u8..).zip(code.strip_prefix("concert1")?.split('-').filter(|of| !of.is_empty()))
    {
        let group: Option<Vec<u8>> =
            group.chars().map(|of| u8::try_from(ALPHABET.find(of)?).ok()).collect();
        let group = group?;
        // The polynomial at x: multiply by x, modulo x^5 + x^2 + 1, and add.
        let at_x = [&[number % 31 + 1][..], &group].concat().into_iter().fold(0, |sum, value| {
            let shifted = sum << 1;
            value ^ if shifted & 32 == 0 { shifted } else { shifted ^ 0b10_0101 }
        });
        let (_, data) = group.split_last()?;
        values.extend(data.iter().copied().filter(|_| at_x == 0));
    }
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for value in values {
        (bits, count) = ((bits << 5 | u32::from(value)) & 0xffff, count + 5);
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[test]
fn an_invite_can_be_read_by_the_document_alone() {
    use protocol::ids::{CampaignId, PlanId};
    use protocol::invite::{InviteSecret, Target};
    use protocol::keys::seat::Seat;
    let person = Target::Person(CampaignId([3; 32]));
    let keyholder = Target::Keyholder { plan: PlanId([4; 32]), seat: Seat::new(2) };
    let (named, numbered) = ("vote.example:4433", "192.0.2.7:50000");
    for (target, is_keyholder) in [(person, false), (keyholder, true)] {
        for (address, kind, host, port) in [
            (named, 0, &b"\x0cvote.example"[..], 4_433_u16),
            (numbered, 1, &[192, 0, 2, 7][..], 50_000),
        ] {
            let invite = Invite {
                address: address.parse().unwrap(),
                certificate: [5; 32],
                target,
                secret: InviteSecret::from_bytes([6; 16]),
            };
            let bytes = code_bytes(invite.code().as_str()).unwrap();
            let (all, check) = bytes.split_last_chunk::<3>().unwrap();
            let whom = if is_keyholder { [&[4; 32][..], &[2]].concat() } else { vec![3; 32] };
            let first = u8::from(is_keyholder) * 4 + kind;
            let expected =
                [&[first][..], host, &port.to_le_bytes(), &[5; 32], &whom, &[6; 16]].concat();
            assert_eq!(all, expected);
            assert_eq!(check[..], digest(Label::Invite, &[all])[..3]);
        }
    }
}
