//! `supergraph.yaml`: which subgraphs make up the graph, and which answers may be cached. Read and checked once.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

use super::{ComposeError, SubgraphSchema};

/// The file, checked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupergraphFile {
    /// The subgraphs, in the order in which they are written into the supergraph.
    pub subgraphs: Vec<SubgraphEntry>,
    /// What the list cache may keep.
    #[serde(default)]
    pub cache: CachePolicy,
    #[serde(skip)]
    folder: PathBuf,
}

/// Whether a subgraph sees the client's cookies and may set them.
pub type Cookies = bool;

/// One subgraph of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubgraphEntry {
    /// The name that plans and logs use.
    pub name: String,
    /// Where it is called when it does not run in the router's process.
    pub url: String,
    /// Its exported schema, relative to the file.
    pub schema: PathBuf,
    /// Whether it sees the client's cookies and may set them.
    #[serde(default)]
    pub cookies: Cookies,
}

/// Which answers are the same for everybody, how long they are kept, and what makes them stale.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CachePolicy {
    /// Root fields, as `Query.products`. A query is cached when all its root fields are here.
    pub fields: BTreeSet<String>,
    /// The subgraphs whose answers are public. A query that needs a field of another one is not cached.
    pub subgraphs: BTreeSet<String>,
    /// Fields, as `Type.field`, that are not cached although their subgraph is public.
    pub except: BTreeSet<String>,
    /// How long an answer lives at most, in seconds.
    pub ttl_seconds: u64,
    /// Entities whose change makes an answer stale, with the field that identifies them. The tag is
    /// `<type in lower case>:<id>`.
    pub entities: BTreeMap<String, String>,
    /// Tags that every cached answer has: what changes the membership of lists raises them.
    pub tags: BTreeSet<String>,
}

impl CachePolicy {
    /// How long an answer lives at most.
    #[must_use]
    pub fn ttl(&self) -> Duration {
        Duration::from_secs(self.ttl_seconds)
    }
}

impl SupergraphFile {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read, is not YAML of this shape, or names a subgraph twice or a URL that is none.
    pub fn read(path: &Path) -> Result<Self, ComposeError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ComposeError::Read { path: path.display().to_string(), source })?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Self::parse(&text, &folder)
            .map_err(|reason| ComposeError::File { path: path.display().to_string(), reason })
    }

    /// Reads the text of a file that lies in `folder`.
    ///
    /// # Errors
    /// The reason, for a person.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        let mut file: Self = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
        folder.clone_into(&mut file.folder);
        file.check()?;
        Ok(file)
    }

    fn check(&self) -> Result<(), String> {
        if self.subgraphs.is_empty() {
            return Err("`subgraphs` is empty: name at least one".to_owned());
        }
        let mut names = BTreeSet::new();
        for subgraph in &self.subgraphs {
            let name = &subgraph.name;
            let is_name = !name.is_empty()
                && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            if !is_name {
                return Err(format!(
                    "`{name}` is not a subgraph name: use lower-case letters, digits and hyphens"
                ));
            }
            if !names.insert(name) {
                return Err(format!("subgraph `{name}` is named twice"));
            }
            match url::Url::parse(&subgraph.url) {
                Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {}
                _ => {
                    return Err(format!("subgraph `{name}`: `{}` is not an http(s) URL", subgraph.url));
                }
            }
        }
        self.check_cache(&names)
    }

    fn check_cache(&self, names: &BTreeSet<&String>) -> Result<(), String> {
        let cache = &self.cache;
        if let Some(unknown) = cache.subgraphs.iter().find(|name| !names.contains(name)) {
            return Err(format!("cache: `{unknown}` is not one of the subgraphs"));
        }
        for coordinate in cache.fields.iter().chain(&cache.except) {
            if coordinate.split('.').filter(|part| !part.is_empty()).count() != 2 {
                return Err(format!("cache: `{coordinate}` is not of the form Type.field"));
            }
        }
        if !cache.fields.is_empty() && !(1..=10).contains(&cache.ttl_seconds) {
            return Err(
                "cache: `ttl_seconds` has to be from 1 to 10: it bounds how long an answer can be stale \
                        when an invalidation is lost"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// Reads the schema files.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn schemas(&self) -> Result<Vec<SubgraphSchema>, ComposeError> {
        self.subgraphs
            .iter()
            .map(|entry| {
                let path = self.folder.join(&entry.schema);
                let sdl = std::fs::read_to_string(&path).map_err(|source| ComposeError::Read {
                    path: format!("{} (the schema of `{}`)", path.display(), entry.name),
                    source,
                })?;
                Ok(SubgraphSchema { name: entry.name.clone(), url: entry.url.clone(), sdl })
            })
            .collect()
    }

    /// The subgraphs that see cookies.
    #[must_use]
    pub fn cookie_subgraphs(&self) -> Vec<String> {
        self.subgraphs.iter().filter(|entry| entry.cookies).map(|entry| entry.name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SupergraphFile, String> {
        SupergraphFile::parse(text, Path::new("."))
    }

    #[test]
    fn the_projects_own_file_is_valid() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../supergraph.yaml");
        let file = SupergraphFile::read(&path).unwrap();
        assert_eq!(file.cache.ttl(), Duration::from_secs(10));
        assert!(file.cache.fields.contains("Query.products"));
    }

    #[test]
    fn a_wrong_file_is_refused_with_its_reason() {
        let subgraph = "subgraphs: [{ name: a, url: 'http://a/graphql', schema: a.graphql }]";
        let cases = [
            ("subgraphs: []".to_owned(), "empty"),
            ("subgraphs: [{ name: A b, url: 'http://a', schema: a }]".to_owned(), "not a subgraph name"),
            ("subgraphs: [{ name: a, url: a, schema: a }]".to_owned(), "not an http(s) URL"),
            (
                "subgraphs: [{ name: a, url: 'http://a', schema: a }, { name: a, url: 'http://a', schema: a }]"
                    .to_owned(),
                "named twice",
            ),
            ("subgraphs: [{ name: a, url: 'http://a', schema: a, port: 1 }]".to_owned(), "port"),
            (format!("{subgraph}\ncache: {{ subgraphs: [b] }}"), "`b` is not one of the subgraphs"),
            (format!("{subgraph}\ncache: {{ fields: [products], ttl_seconds: 5 }}"), "Type.field"),
            (format!("{subgraph}\ncache: {{ fields: [Query.products], ttl_seconds: 60 }}"), "from 1 to 10"),
        ];
        for (text, reason) in cases {
            let error = parse(&text).unwrap_err();
            assert!(error.contains(reason), "{text}\n gave: {error}");
        }
    }
}
