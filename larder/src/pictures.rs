//! The pictures of the demo range, in the program.

use std::path::Path;

use router::web::Mount;
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "demo/pictures"]
struct Pictures;

/// What serves them under `/pictures`.
#[must_use]
pub fn pictures() -> Mount {
    Mount::embedded::<Pictures>("/pictures")
}

/// Puts them into a folder, for a router that does not have them.
///
/// # Errors
/// When the folder cannot be written.
pub fn write_to(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for name in Pictures::iter() {
        if let Some(picture) = Pictures::get(&name) {
            std::fs::write(folder.join(&*name), picture.data)?;
        }
    }
    Ok(())
}
