//! `sims data`: the public data sets that anyone can fetch.

use std::io::Write;

use super::World;
use crate::cli::{Data, FetchableWord};
use crate::dataset::fetch::{self, Fetchable, Found};
use crate::error::CommandError;

pub(super) fn execute<W: Write>(
    options: Data,
    world: &mut World<'_, W>,
) -> Result<(), CommandError> {
    match options {
        Data::Get { which, data } => {
            let root = data.unwrap_or_else(|| world.data.clone());
            let which = match which {
                FetchableWord::Compas => Fetchable::Compas,
                FetchableWord::Adult => Fetchable::Adult,
            };
            fetch::get(which, &root)?;
            writeln!(world.out, "{}", root.display())?;
        }
        Data::Check { data } => {
            let root = data.unwrap_or_else(|| world.data.clone());
            for (which, found) in fetch::check(&root)? {
                let says = match found {
                    Found::Verified => "verified",
                    Found::Absent => "absent",
                };
                let file = root.join(which.file());
                writeln!(world.out, "{:<8} {says:<10} {}", which.word(), file.display())?;
            }
        }
    }
    Ok(world.out.flush()?)
}
