//! `larder schema` and `larder compose`: the files that are made from the code and kept in the repository.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::Args;
use kit::Code;
use router::compose::{SubgraphSchema, SupergraphFile, compose as compose_schemas};

use crate::{say, shop};

/// How the generated files are written.
#[derive(Args, Debug)]
pub struct Schema {
    /// Write nothing; exit 1 and name the files that are not what the code makes
    #[arg(long)]
    check: bool,
    /// The root of the repository
    #[arg(long, default_value = ".")]
    root: PathBuf,
}

/// How schemas are composed.
#[derive(Args, Debug)]
pub struct Compose {
    /// Which subgraphs make up the graph
    #[arg(long, default_value = "supergraph.yaml")]
    file: PathBuf,
    /// Where `supergraph.graphql` and `api.graphql` are written
    #[arg(long, default_value = "schema")]
    to: PathBuf,
}

/// Writes every generated file, or with `check` says whether they are current.
///
/// # Errors
/// When the schemas do not compose, or a file cannot be written.
pub fn schema(args: &Schema) -> Result<bool> {
    let mut stale = Vec::new();
    for (path, content) in generated(&args.root)? {
        let path = args.root.join(path);
        if fs::read_to_string(&path).is_ok_and(|current| current == content) {
            continue;
        }
        if !args.check {
            write(&path, &content)?;
        }
        stale.push(path);
    }
    for path in &stale {
        say!("{} {}", if args.check { "not current:" } else { "written:" }, path.display());
    }
    if args.check && !stale.is_empty() {
        say!("Run `make schema` and commit the result.");
    }
    Ok(!args.check || stale.is_empty())
}

/// Composes what the files hold.
///
/// # Errors
/// When they cannot be read, do not compose, or the result cannot be written.
pub fn compose(args: &Compose) -> Result<()> {
    let composed = compose_schemas(&SupergraphFile::read(&args.file)?.schemas()?)?;
    for warning in &composed.warnings {
        say!("warning: {warning}");
    }
    write(&args.to.join("supergraph.graphql"), &composed.supergraph)?;
    write(&args.to.join("api.graphql"), &composed.api)?;
    say!("composed {}", args.to.display());
    Ok(())
}

/// Every generated file, as its path from the root and its content.
///
/// # Errors
/// When the schemas do not compose.
pub fn generated(root: &Path) -> Result<Vec<(PathBuf, String)>> {
    let file = SupergraphFile::parse(crate::SUPERGRAPH_FILE, root).map_err(anyhow::Error::msg)?;
    let mut files = Vec::new();
    let mut schemas = Vec::new();
    for (name, sdl) in shop::schemas() {
        let entry = file.subgraphs.iter().find(|entry| entry.name == name);
        let entry = entry.with_context(|| format!("supergraph.yaml does not name {name}"))?;
        schemas.push(SubgraphSchema { name: name.to_owned(), url: entry.url.clone(), sdl: sdl.clone() });
        files.push((PathBuf::from(format!("schema/subgraphs/{name}.graphql")), sdl));
    }
    let composed = compose_schemas(&schemas)?;
    files.push(("schema/supergraph.graphql".into(), composed.supergraph));
    files.push(("schema/api.graphql".into(), composed.api));
    files.push(("docs/ERRORS.md".into(), errors()));
    let page = PathBuf::from("docs/OPERATIONS.md");
    let text = fs::read_to_string(root.join(&page)).with_context(|| format!("reading {}", page.display()))?;
    let text = crate::distributed::paper(&text).context("docs/OPERATIONS.md has no place for its table")?;
    files.push((page, text));
    Ok(files)
}

fn write(path: &Path, content: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    fs::write(path, content).with_context(|| format!("writing {}", path.display()))
}

/// `docs/ERRORS.md`, from the table of codes.
fn errors() -> String {
    let mut text = String::from(ERRORS_HEAD);
    for row in Code::TABLE {
        let more = if row.extensions.is_empty() { "" } else { row.extensions };
        let again = if row.retryable { "yes" } else { "no" };
        text.push_str(&format!("| `{}` | {} | {} | {again} | {more} |\n", row.code, row.meaning, row.remedy));
    }
    text.push_str(ERRORS_TAIL);
    text
}

const ERRORS_HEAD: &str = "\
# Errors

Made from the table in `subgraphs/kit/src/error.rs` by `make schema`; do not edit.

An answer with errors is HTTP 200 with `errors[]` (and `data`, where a part of it could be had), unless the request was no GraphQL
request at all: then the status is a 4xx and the body has the same shape. Every error has `extensions.code`, which is one of
these and never changes its meaning. `message` is a sentence for a person and may be reworded.

| `code` | What it means | What to do | Same request again? | More in `extensions` |
| --- | --- | --- | --- | --- |
";

const ERRORS_TAIL: &str = "
Faults of ours (`INTERNAL`, `UNAVAILABLE`) never show their cause. They carry a `requestId`, which is also in the answer's
`x-request-id` header and in every log line of the request; send `x-request-id` yourself (up to 64 letters, digits, `-`, `_`, `.`) to choose it.
";
