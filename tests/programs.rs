//! The real programs, built from the sources as they are.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// A program of this workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Simulates.
    Sims,
    /// Organises.
    Coordinator,
    /// Takes part.
    Participant,
}

impl Program {
    /// Its name, which is also its package's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sims => "sims",
            Self::Coordinator => "coordinator",
            Self::Participant => "participant",
        }
    }

    /// Where it is, beside whatever runs this. Cargo builds it only if its sources changed.
    ///
    /// # Panics
    /// If it cannot be built.
    pub fn path(self) -> &'static Path {
        static SIMS: OnceLock<PathBuf> = OnceLock::new();
        static COORDINATOR: OnceLock<PathBuf> = OnceLock::new();
        static PARTICIPANT: OnceLock<PathBuf> = OnceLock::new();
        let place = match self {
            Self::Sims => &SIMS,
            Self::Coordinator => &COORDINATOR,
            Self::Participant => &PARTICIPANT,
        };
        place.get_or_init(|| build(self.name()))
    }
}

fn build(name: &str) -> PathBuf {
    let this = env::current_exe().expect("a program knows where it is");
    let is_profile = |folder: &&Path| folder.ends_with("release") || folder.ends_with("debug");
    let profile = this.ancestors().find(is_profile);
    let profile = profile.expect("cargo builds into a folder that is named after the profile");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--offline", "--locked", "--workspace", "--bin", name]);
    // What cargo tells about this package would make build scripts of others run again, and everything after them.
    let told = |name: &str| {
        ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_"].iter().any(|of| name.starts_with(of))
    };
    for (name, _) in env::vars().filter(|(name, _)| told(name)) {
        build.env_remove(name);
    }
    if profile.ends_with("release") {
        build.arg("--release");
    }
    let target = profile.parent().expect("a profile's folder lies in the target folder");
    let output = build
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo can be started: it has built this");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    profile.join(format!("{name}{}", env::consts::EXE_SUFFIX))
}
