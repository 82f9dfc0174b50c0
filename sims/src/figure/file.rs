//! Writes a scene as two files that appear whole or not at all.

use std::io::Write;
use std::path::{Component, Path, PathBuf};

use super::scene::Scene;
use super::{FigureError, render};

/// The two files of one figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The vector graphic, for papers.
    pub svg: PathBuf,
    /// The picture, for everything else.
    pub png: PathBuf,
}

/// Writes `NAME.svg` and `NAME.png`; both are complete on the disk before either gets its name.
pub(super) fn write(scene: &Scene, folder: &Path, name: &str) -> Result<Files, FigureError> {
    let mut components = Path::new(name).components();
    if !matches!((components.next(), components.next()), (Some(Component::Normal(_)), None)) {
        return Err(FigureError::Name { name: name.to_owned() });
    }
    let svg = Staged::new(folder, &format!("{name}.svg"), render::svg(scene).as_bytes())?;
    let png = Staged::new(folder, &format!("{name}.png"), &render::png(scene))?;
    Ok(Files { svg: svg.publish()?, png: png.publish()? })
}

/// A complete file that still has a temporary name, in the folder it is meant for.
struct Staged {
    file: tempfile::NamedTempFile,
    path: PathBuf,
}

impl Staged {
    fn new(folder: &Path, name: &str, bytes: &[u8]) -> Result<Self, FigureError> {
        let path = folder.join(name);
        let stage = || {
            let mut builder = tempfile::Builder::new();
            builder.prefix(".figure-");
            readable_by_others(&mut builder);
            let mut file = builder.tempfile_in(folder)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            Ok(file)
        };
        match stage() {
            Ok(file) => Ok(Self { file, path }),
            Err(source) => Err(FigureError::Write { path, source }),
        }
    }

    fn publish(self) -> Result<PathBuf, FigureError> {
        match self.file.persist(&self.path) {
            Ok(_) => Ok(self.path),
            Err(refused) => Err(FigureError::Write { path: self.path, source: refused.error }),
        }
    }
}

/// Temporary files are private by default; a figure is as readable as any other new file.
#[cfg(unix)]
fn readable_by_others(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(std::fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn readable_by_others(_: &mut tempfile::Builder<'_, '_>) {}
