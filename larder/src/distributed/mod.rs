//! The shop as processes: which there are, and the environment that each is given. The compose file, `larder cluster` and the table in
//! the documentation all come from here.

pub mod cluster;
pub mod keys;
mod paper;
mod process;
pub mod secrets;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use kit::config::{self, Variable, url_of};
use router::compose::SupergraphFile;

pub use paper::paper;

/// The name of the one part that clients reach.
pub const ROUTER: &str = "router";
/// Where the router listens in the compose file, and on the machine that runs it.
const ROUTER_PORT: u16 = 4000;

/// One kind of process.
pub struct Part {
    /// Its name: `auth`, `router`.
    pub name: String,
    /// Where it listens, in a network of its own.
    pub port: u16,
    /// Its variables.
    pub table: Vec<Variable>,
}

impl Part {
    /// The name of its program.
    #[must_use]
    pub fn program(&self) -> String {
        format!("larder-{}", self.name)
    }
}

/// The services and the router, in the order in which they are started.
#[must_use]
pub fn parts() -> Vec<Part> {
    let file = crate::supergraph_file();
    let service = |service: &kit::service::Service, own: &[Variable]| {
        let mut table = kit::service::variables(service);
        table.extend_from_slice(own);
        Part { name: service.name.to_owned(), port: port_of(&file, service.name), table }
    };
    vec![
        service(&auth::SERVICE, auth::VARIABLES),
        service(&catalog::SERVICE, catalog::VARIABLES),
        service(&inventory::SERVICE, &[]),
        service(&order::SERVICE, &[]),
        Part { name: ROUTER.to_owned(), port: ROUTER_PORT, table: router::environment::variables(&file) },
    ]
}

/// The port in its address in `supergraph.yaml`.
fn port_of(file: &SupergraphFile, name: &str) -> u16 {
    let entry = file.subgraphs.iter().find(|entry| entry.name == name);
    let url = entry.and_then(|entry| reqwest::Url::parse(&entry.url).ok());
    url.and_then(|url| url.port_or_known_default()).unwrap_or_default()
}

/// Where the processes of a shop run.
pub trait Place {
    /// Where this part listens.
    fn listen(&self, part: &Part) -> String;
    /// The base address of a part, for the others.
    fn base(&self, name: &str) -> String;
    /// The folder with what this part must not tell.
    fn secrets(&self, part: &Part) -> PathBuf;
    /// The folder with pictures.
    fn pictures(&self) -> PathBuf;
    /// What this place sets besides, by name of the variable.
    fn more(&self, part: &Part, variable: &str) -> Option<String>;
}

/// The environment of a part at a place.
#[must_use]
pub fn environment(part: &Part, place: &impl Place) -> BTreeMap<String, String> {
    let names: Vec<_> = parts().iter().map(|part| (url_of(&part.name).name, part.name.clone())).collect();
    let mut environment = BTreeMap::new();
    for variable in &part.table {
        let name = variable.name.to_string();
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let (name, value) = if variable.secret {
            (variable.file_name(), Some(text(place.secrets(part).join(file_of(&name)))))
        } else if name == config::LISTEN.name {
            (name, Some(place.listen(part)))
        } else if name == config::KEYS.name {
            (name, Some(text(place.secrets(part).join(secrets::KEYS))))
        } else if name == "LARDER_PICTURES" {
            (name, Some(text(place.pictures())))
        } else if let Some((_, neighbour)) = names.iter().find(|(url, _)| *url == name) {
            (name, Some(place.base(neighbour)))
        } else {
            let more = place.more(part, &name);
            (name, more)
        };
        environment.extend(value.map(|value| (name, value)));
    }
    environment
}

/// The file that a secret is kept in: `LARDER_STORE` is `store`.
fn file_of(variable: &str) -> String {
    variable.trim_start_matches("LARDER_").to_ascii_lowercase()
}

/// The network of the compose file.
pub struct Compose;

impl Place for Compose {
    fn listen(&self, part: &Part) -> String {
        format!("0.0.0.0:{}", part.port)
    }

    fn base(&self, name: &str) -> String {
        let port = parts().iter().find(|part| part.name == name).map_or(0, |part| part.port);
        format!("http://{name}:{port}")
    }

    /// Each part has only its own folder, so that all find theirs in the same place.
    fn secrets(&self, _part: &Part) -> PathBuf {
        Path::new(secrets::MOUNTED).to_owned()
    }

    fn pictures(&self) -> PathBuf {
        "/usr/share/larder/pictures".into()
    }

    fn more(&self, _part: &Part, variable: &str) -> Option<String> {
        let value = match variable {
            "LARDER_LOG" => "json",
            "RUST_LOG" => "${RUST_LOG:-info}",
            "OTEL_EXPORTER_OTLP_ENDPOINT" => "${OTEL_EXPORTER_OTLP_ENDPOINT:-}",
            // The demo shop is there to be looked at.
            "LARDER_INTROSPECTION" => "true",
            _ => return None,
        };
        Some(value.to_owned())
    }
}
