//! The shape of the workspace, checked: who may use whom, what a layer may name, how long a file may be, which licences come in.
//!
//! The rules are pure functions over text, so that each is also shown to catch a breach of it.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a check that cannot read the tree has failed")]

mod layers;
mod members;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The root of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("kit lies two folders down").to_owned()
}

/// What cargo knows of the workspace; with its dependencies or without.
fn metadata(dependencies: bool) -> serde_json::Value {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root()).args(["metadata", "--format-version", "1", "--offline"]);
    if dependencies {
        // Crates for other systems are neither built nor downloaded here.
        command.args(["--filter-platform", &host()]);
    } else {
        command.arg("--no-deps");
    }
    let output = command.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo writes JSON")
}

/// The system that this is compiled on.
fn host() -> String {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = Command::new(rustc).arg("-vV").output().expect("rustc runs");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host").to_owned()
}

/// Every Rust source file of the members, as its path from the root and its text.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for top in ["subgraphs", "router", "larder", "bench"] {
        walk(&root().join(top), &mut found);
    }
    assert!(found.len() > 50, "the sources were not found");
    found
}

fn walk(folder: &Path, found: &mut Vec<(String, String)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && name != "node_modules" {
            walk(&path, found);
        } else if name.ends_with(".rs") {
            let relative = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            found.push((relative, fs::read_to_string(&path).unwrap()));
        }
    }
}
