//! Puts GraphiQL's bundle into the binary, where `make web` has made it. Without one the router still builds, and its
//! page says what to run.

use std::{
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let dist = Path::new(&env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("graphiql/dist");
    println!("cargo:rerun-if-changed={}", dist.display());
    let mut files = Vec::new();
    if dist.is_dir() {
        collect(&dist, &mut files)?;
    }
    files.sort();
    let out = Path::new(&env::var("OUT_DIR").map_err(io::Error::other)?).join("graphiql.rs");
    let mut out = fs::File::create(out)?;
    writeln!(out, "static GRAPHIQL_FILES: &[EmbeddedFile] = &[")?;
    for file in files {
        let name = file.strip_prefix(&dist).map_err(io::Error::other)?.to_string_lossy().replace('\\', "/");
        let etag = format!("\"{:016x}\"", fingerprint(&fs::read(&file)?));
        writeln!(
            out,
            "    EmbeddedFile {{ path: {name:?}, content: include_bytes!({:?}), etag: {etag:?} }},",
            file.display().to_string()
        )?;
    }
    writeln!(out, "];")
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        // Make's own marks.
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// FNV-1a: enough to tell two builds of a file apart.
fn fingerprint(content: &[u8]) -> u64 {
    content
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
