//! The pictures of the demo range, in the program.

use router::web::{EmbeddedFile, Mount};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "demo/pictures"]
struct Pictures;

/// What serves them under `/pictures`.
#[must_use]
pub fn pictures() -> Mount {
    let files: Vec<_> = Pictures::iter()
        .filter_map(|path| {
            let file = Pictures::get(&path)?;
            let hash = file.metadata.sha256_hash();
            let etag = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>();
            // Made once, and needed for as long as the program runs.
            Some(EmbeddedFile {
                path: String::leak(path.into_owned()),
                content: match file.data {
                    std::borrow::Cow::Borrowed(content) => content,
                    std::borrow::Cow::Owned(content) => Vec::leak(content),
                },
                etag: String::leak(format!("\"{etag}\"")),
            })
        })
        .collect();
    Mount::embedded("/pictures", Vec::leak(files))
}
