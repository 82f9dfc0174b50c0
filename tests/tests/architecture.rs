//! What the source must not contain: the invariants of docs/ARCHITECTURE.md that no compiler checks.
//!
//! Each rule is a function of plain data, so that beside every look at the real tree stands an
//! example that breaks the rule and must be found.

use std::{collections::BTreeSet, ffi::OsStr, fs, path::Path, process::Command};

const PACKAGES: [&str; 6] = ["protocol", "host", "coordinator", "participant", "sims", "tests"];

/// Where their sources are; `host` lies within `protocol`.
const FOLDERS: [&str; 5] = ["protocol", "coordinator", "participant", "sims", "tests"];

/// What must stay out of `protocol`'s dependencies: sockets, an executor, logging.
const NO_IO: [&str; 5] = ["tokio", "quinn", "mio", "socket2", "tracing"];

/// A file longer than this is split in the commit that crosses it.
const FILE_LINES_MAX: usize = 800;

/// What a pure function cannot name. Generators are arguments; time is an argument.
const OUTSIDE_WORLD: [&str; 10] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::io",
    "std::thread",
    "Instant",
    "SystemTime",
    "OsRng",
    "rand::rng",
    "println!",
];

/// Where `protocol` may compute with floats: they never reach a share.
const FLOATS: [&str; 6] = [
    "protocol/src/aggregation/fixed.rs",
    "protocol/src/aggregation/noise",
    "protocol/src/audit",
    "protocol/src/order.rs",
    "protocol/src/scoring/",
    "protocol/src/selection",
];

/// The crates of primitives, which `protocol::keys` alone chooses and names.
const PRIMITIVES: [&str; 6] =
    ["chacha20", "chacha20poly1305", "curve25519_dalek", "hkdf", "sha2", "voprf"];

#[test]
fn dependencies_point_towards_protocol() {
    let edges = edges(&cargo_tree(&["--workspace", "--edges", "normal,build,dev"]));
    assert!(edges.contains(&edge("sims", "protocol")), "cargo tree was not understood");
    assert_eq!(misdirected(&edges), Vec::new());
}

#[test]
fn a_misdirected_dependency_is_found() {
    for (from, to) in [
        ("protocol", "sims"),
        ("protocol", "host"),
        ("host", "coordinator"),
        ("sims", "host"),
        ("coordinator", "participant"),
        ("participant", "coordinator"),
        ("coordinator", "sims"),
        ("sims", "tests"),
        ("sims", "coordinator"),
    ] {
        let edges = BTreeSet::from([edge("sims", "protocol"), edge(from, to)]);
        assert_eq!(misdirected(&edges), [edge(from, to)]);
    }
}

#[test]
fn protocol_depends_on_nothing_that_speaks_to_the_world() {
    let edges = edges(&cargo_tree(&["--package", "protocol", "--edges", "normal,build"]));
    assert!(edges.contains(&edge("protocol", "prio")), "cargo tree was not understood");
    assert_eq!(among(&edges, &NO_IO), Vec::<&str>::new());
}

#[test]
fn a_distant_socket_crate_is_found() {
    let tree =
        "0protocol v0.1.0 (/here)\n1prio v0.18.1\n2tokio v1.40.0\n3mio v1.0.0\n1serde v1.0.0 (*)\n";
    let edges = edges(tree);
    assert_eq!(
        edges,
        BTreeSet::from([
            edge("prio", "tokio"),
            edge("protocol", "prio"),
            edge("protocol", "serde"),
            edge("tokio", "mio"),
        ])
    );
    assert_eq!(among(&edges, &NO_IO), ["mio", "tokio"]);
}

#[test]
fn no_file_is_too_long() {
    assert_eq!(too_long(&sources()), Vec::<String>::new());
}

#[test]
fn a_file_of_one_line_too_many_is_found() {
    let file = |name: &str, lines| Source { path: name.into(), text: "//!\n".repeat(lines) };
    let files = [file("short.rs", FILE_LINES_MAX), file("long.rs", FILE_LINES_MAX + 1)];
    assert_eq!(too_long(&files), [format!("long.rs: {} lines", FILE_LINES_MAX + 1)]);
}

#[test]
fn no_banned_word_is_written() {
    let list = fs::read_to_string(root().join(".ci/words")).expect("the list is in the repository");
    let words: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(!words.is_empty(), "the list was not understood");
    assert_eq!(mentions(&sources(), &words), Vec::<String>::new());
}

#[test]
fn a_banned_word_is_found_as_a_word_only() {
    let text = "// dpx xdp dp_x\nuse prio::dp::Rational;\n// a gap in dp\n";
    let file = Source { path: "gap.rs".into(), text: text.into() };
    assert_eq!(mentions(&[file], &["dp"]), ["gap.rs:3: dp"]);
}

#[test]
fn no_file_is_named_after_nothing() {
    assert_eq!(nameless(&sources()), Vec::<String>::new());
}

#[test]
fn a_file_named_after_nothing_is_found() {
    let file = |path: &str| Source { path: path.into(), text: String::new() };
    let files =
        [file("sims/src/utils.rs"), file("sims/src/figure/common.rs"), file("sims/src/firm.rs")];
    assert_eq!(nameless(&files), ["sims/src/utils.rs", "sims/src/figure/common.rs"]);
}

#[test]
fn protocol_names_nothing_of_the_outside_world() {
    let files = protocol_sources(&[]);
    assert_eq!(mentions(&files, &OUTSIDE_WORLD), Vec::<String>::new());
}

#[test]
fn a_clock_a_file_and_a_print_are_found() {
    let text = "let now = Instant::now();\nstd::fs::read(path);\nprintln!(\"{x}\");\n";
    let file = Source { path: "impure.rs".into(), text: text.into() };
    let found = ["impure.rs:1: Instant", "impure.rs:2: std::fs", "impure.rs:3: println!"];
    assert_eq!(mentions(&[file], &OUTSIDE_WORLD), found);
}

#[test]
fn floats_stay_where_they_are_allowed() {
    assert_eq!(mentions(&protocol_sources(&FLOATS), &["f32", "f64"]), Vec::<String>::new());
}

#[test]
fn a_float_in_a_share_is_found() {
    let file = Source { path: "share.rs".into(), text: "struct Share(Vec<f64>);\n".into() };
    assert_eq!(mentions(&[file], &["f32", "f64"]), ["share.rs:1: f64"]);
}

#[test]
fn keys_alone_names_the_primitives() {
    let files = protocol_sources(&["protocol/src/keys"]);
    let paths = PRIMITIVES.map(|name| format!("{name}::"));
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    assert_eq!(mentions(&files, &paths), Vec::<String>::new());
}

#[test]
fn a_second_user_of_a_hash_is_found() {
    let file = Source { path: "scheme.rs".into(), text: "use sha2::Sha256;\n".into() };
    assert_eq!(mentions(&[file], &["sha2::"]), ["scheme.rs:1: sha2::"]);
}

/// "The first depends on the second", by package name.
type Edge = (String, String);

struct Source {
    /// From the root of the repository, with `/`.
    path: String,
    text: String,
}

fn edge(from: &str, to: &str) -> Edge {
    (from.into(), to.into())
}

/// Edges between our packages that point the wrong way: away from `protocol`, or at a leaf.
fn misdirected(edges: &BTreeSet<Edge>) -> Vec<Edge> {
    let ours = |name: &str| PACKAGES.contains(&name);
    let allowed = |from: &str, to: &str| match from {
        "coordinator" | "participant" => ["protocol", "host"].contains(&to),
        "host" | "sims" => to == "protocol",
        "tests" => true,
        _ => false,
    };
    edges
        .iter()
        .filter(|(from, to)| ours(from) && ours(to) && !allowed(from, to))
        .cloned()
        .collect()
}

/// Which of `names` anything in `edges` depends on.
fn among<'a>(edges: &BTreeSet<Edge>, names: &[&'a str]) -> Vec<&'a str> {
    let mut found: Vec<&str> =
        names.iter().copied().filter(|name| edges.iter().any(|(_, to)| to == name)).collect();
    found.sort_unstable();
    found
}

/// Reads `cargo tree --prefix depth`: a line is the depth, the package's name, a space and the rest.
fn edges(tree: &str) -> BTreeSet<Edge> {
    let mut edges = BTreeSet::new();
    let mut path: Vec<&str> = Vec::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let digits = line.find(|c: char| !c.is_ascii_digit()).expect("a name follows the depth");
        let (depth, package) = line.split_at(digits);
        let name = package.split(' ').next().expect("split gives at least one part");
        path.truncate(depth.parse().expect("every line starts with its depth"));
        if let Some(parent) = path.last() {
            edges.insert(edge(parent, name));
        }
        path.push(name);
    }
    edges
}

fn cargo_tree(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--prefix", "depth", "--format", "{p}"])
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo runs: it started this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

fn too_long(files: &[Source]) -> Vec<String> {
    let lines = |file: &Source| file.text.lines().count();
    let long = files.iter().filter(|file| lines(file) > FILE_LINES_MAX);
    long.map(|file| format!("{}: {} lines", file.path, lines(file))).collect()
}

fn nameless(files: &[Source]) -> Vec<String> {
    let name = |file: &Source| file.path.rsplit('/').next().unwrap_or_default().to_owned();
    let bad = ["utils.rs", "util.rs", "helpers.rs", "common.rs", "misc.rs"];
    files.iter().filter(|file| bad.contains(&&*name(file))).map(|file| file.path.clone()).collect()
}

/// "`path:line: word`" for every line that has a word of `words`, not as a part of a longer word.
fn mentions(files: &[Source], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        for (line, number) in file.text.lines().zip(1..) {
            // Another project's name for differential privacy.
            let line = line.replace("prio::dp", "");
            for word in words.iter().filter(|word| has_word(&line, word)) {
                found.push(format!("{}:{number}: {word}", file.path));
            }
        }
    }
    found
}

fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let (before, after) = (&line[..start], &line[start + word.len()..]);
        let open = !word.ends_with(part) || !after.starts_with(part);
        open && !before.ends_with(part)
    })
}

/// The sources of `protocol` outside tests and `except`, each a path or the beginning of one.
fn protocol_sources(except: &[&str]) -> Vec<Source> {
    let mut files = sources();
    files.retain(|file| {
        let path = file.path.as_str();
        path.starts_with("protocol/src/")
            && !path.contains("/tests")
            && !except.iter().any(|start| path.starts_with(start))
    });
    assert!(files.len() > 5, "the sources of protocol were not found");
    files
}

/// Every Rust file of the workspace but this one, which must write down what it looks for.
fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        collect(&root().join(folder), &mut files);
    }
    files.retain(|file| file.path != "tests/tests/architecture.rs");
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn collect(folder: &Path, files: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("a folder of the workspace can be listed") {
        let path = entry.expect("a folder of the workspace can be listed").path();
        if path.is_dir() && path.file_name() != Some(OsStr::new("target")) {
            collect(&path, files);
        } else if path.extension() == Some(OsStr::new("rs")) {
            let text = fs::read_to_string(&path).expect("sources are UTF-8");
            let path = path.strip_prefix(root()).expect("it was found below the root");
            files.push(Source { path: path.to_string_lossy().replace('\\', "/"), text });
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace")
}
