//! The secrets of a distributed shop: every password and key is made once, and each part gets a folder with its own and no other.
//!
//! `init/passwords.env` holds every password and is given to nobody; all other files are written from it, and again whenever they
//! are asked for, so that another address of a server is only another call.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use kit::identity::{KeyRing, write_private};

use super::{Part, ROUTER, parts};
use crate::secrets::{API_SECRET, OPERATOR_PASSWORD, kept, render};

/// The folder of signing keys in a part's folder.
pub const KEYS: &str = "keys";
/// Where a container finds the folder of its part.
pub const MOUNTED: &str = "/run/larder";
/// The name of the replica set.
pub const REPLICA_SET: &str = "larder";
/// What Redis is used for; each has a user that can reach its own keys and no others.
const PURPOSES: [&str; 3] = ["cache", "bus", "limits"];

/// Where the servers are.
#[derive(Debug, Clone)]
pub struct Servers {
    /// MongoDB's host and port, or several with commas.
    pub mongo: String,
    /// What follows the database's name in MongoDB's address, without the `?`.
    pub mongo_options: String,
    /// Whether MongoDB asks who it is.
    pub mongo_users: bool,
    /// Redis's host and port.
    pub redis: String,
}

/// Makes what is missing and writes the rest anew. Gives the files.
///
/// # Errors
/// When the folder cannot be written, or its passwords cannot be read.
pub fn write(folder: &Path, servers: &Servers) -> Result<Vec<PathBuf>> {
    let passwords = Passwords(kept(&folder.join("init/passwords.env"), &names())?);
    let mut files = BTreeMap::new();
    for part in parts() {
        for (name, content) in part_files(&part, servers, &passwords) {
            files.insert(PathBuf::from(&part.name).join(name), content);
        }
    }
    let operator = [API_SECRET, OPERATOR_PASSWORD].map(|name| (name.to_owned(), passwords.of(name)));
    files.insert("operator/secrets.env".into(), render(&BTreeMap::from(operator)));
    files.insert("mongo/root_password".into(), passwords.of(&mongo("root")));
    files.insert("mongo/keyfile".into(), passwords.of(&mongo("members")));
    files.insert("mongo/initdb/users.js".into(), mongo_users(&passwords));
    files.insert("mongo/replica-set.js".into(), replica_set(servers, &passwords));
    files.insert("redis/users.acl".into(), redis_users(&passwords));
    for (path, content) in &files {
        let path = folder.join(path);
        write_private(&path, content.as_bytes()).with_context(|| format!("writing {}", path.display()))?;
    }
    for ring in rings(folder) {
        KeyRing::open(&ring)?;
    }
    Ok(files.into_keys().map(|path| folder.join(path)).chain(rings(folder)).collect())
}

/// The key rings of the services, people's among them.
pub fn rings(folder: &Path) -> Vec<PathBuf> {
    let services = parts().into_iter().filter(|part| part.name != ROUTER);
    let own = services.map(|part| folder.join(&part.name).join(KEYS).join(format!("{}.json", part.name)));
    own.chain([folder.join(auth::SERVICE.name).join(KEYS).join("people.json")]).collect()
}

struct Passwords(BTreeMap<String, String>);

impl Passwords {
    fn of(&self, name: &str) -> String {
        self.0.get(name).cloned().unwrap_or_default()
    }
}

fn mongo(user: &str) -> String {
    format!("MONGO_{}", user.to_ascii_uppercase())
}

fn redis(purpose: &str) -> String {
    format!("REDIS_{}", purpose.to_ascii_uppercase())
}

fn names() -> Vec<String> {
    let mut names =
        vec![API_SECRET.to_owned(), OPERATOR_PASSWORD.to_owned(), mongo("root"), mongo("members")];
    names.extend(parts().iter().filter(|part| part.name != ROUTER).map(|part| mongo(&part.name)));
    names.extend(PURPOSES.map(redis));
    names
}

/// A part's secrets, by the names of their files.
fn part_files(part: &Part, servers: &Servers, passwords: &Passwords) -> Vec<(String, String)> {
    let secrets = part.table.iter().filter(|variable| variable.secret);
    let value = |name: &str| match name {
        "LARDER_STORE" => store(&part.name, servers, &passwords.of(&mongo(&part.name))),
        "LARDER_CACHE" => redis_url("cache", servers, passwords),
        "LARDER_BUS" => redis_url("bus", servers, passwords),
        "LARDER_LIMITS" => redis_url("limits", servers, passwords),
        other => passwords.of(other),
    };
    secrets.map(|variable| (super::file_of(&variable.name), value(&variable.name))).collect()
}

fn store(service: &str, servers: &Servers, password: &str) -> String {
    let user = if servers.mongo_users { format!("{service}:{password}@") } else { String::new() };
    let options = if servers.mongo_options.is_empty() { "" } else { "?" };
    format!("mongodb://{user}{}/{}{options}{}", servers.mongo, database(service), servers.mongo_options)
}

/// What the names of the services' databases begin with.
pub(crate) const PREFIX: &str = "larder_";

fn database(service: &str) -> String {
    format!("{PREFIX}{service}")
}

fn redis_url(purpose: &str, servers: &Servers, passwords: &Passwords) -> String {
    format!("redis://{purpose}:{}@{}/0", passwords.of(&redis(purpose)), servers.redis)
}

/// What MongoDB's image runs on its first start: a user for each service, kept in that service's own database and good for that alone.
fn mongo_users(passwords: &Passwords) -> String {
    let mut script = String::new();
    for part in parts().iter().filter(|part| part.name != ROUTER) {
        let (name, database) = (&part.name, database(&part.name));
        let password = passwords.of(&mongo(name));
        let _infallible = writeln!(
            script,
            "db.getSiblingDB('{database}').createUser({{ user: '{name}', pwd: '{password}', roles: [{{ role: 'readWrite', db: '{database}' }}] }});"
        );
    }
    script
}

/// What makes a new server a replica set of one, once it lets others in; on one that is a set already it does nothing.
fn replica_set(servers: &Servers, passwords: &Passwords) -> String {
    let (host, password) = (&servers.mongo, passwords.of(&mongo("root")));
    format!(
        "let admin;
for (let attempt = 0; !admin; attempt++) {{
  try {{ admin = connect('mongodb://root:{password}@{host}/admin?directConnection=true'); }}
  catch (error) {{ if (attempt === 240) throw error; sleep(500); }}
}}
const made = admin.runCommand({{ replSetInitiate: {{ _id: '{REPLICA_SET}', members: [{{ _id: 0, host: '{host}' }}] }} }});
if (!made.ok && made.codeName !== 'AlreadyInitialized') throw new Error(made.errmsg);
"
    )
}

/// Redis's users: nobody without a name, and each purpose its own keys. Scripts see only the keys of who runs them.
fn redis_users(passwords: &Passwords) -> String {
    let mut acl = String::from("user default off resetkeys resetchannels -@all\n");
    // For the health check: it can say PING, and nothing else.
    acl.push_str("user health on nopass resetkeys resetchannels -@all +ping\n");
    for purpose in PURPOSES {
        let password = passwords.of(&redis(purpose));
        let _infallible = writeln!(
            acl,
            "user {purpose} on >{password} resetkeys ~{{larder:{purpose}}}:* resetchannels &{{larder:{purpose}}}:* -@all +@read \
             +@write +@stream +@scripting +@pubsub +@connection +@transaction -@dangerous +info +time"
        );
    }
    acl
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn servers(redis: &str) -> Servers {
        Servers {
            mongo: "mongo:27017".to_owned(),
            mongo_options: "replicaSet=larder".to_owned(),
            mongo_users: true,
            redis: redis.to_owned(),
        }
    }

    fn read(folder: &Path, file: &str) -> String {
        std::fs::read_to_string(folder.join(file)).unwrap()
    }

    #[test]
    fn every_part_has_its_own_secrets_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let files = write(folder.path(), &servers("redis:6379")).unwrap();
        for file in &files {
            assert_eq!(
                std::fs::metadata(file).unwrap().permissions().mode() & 0o077,
                0,
                "{}",
                file.display()
            );
        }
        for part in parts() {
            let secrets = part.table.iter().filter(|variable| variable.secret);
            for variable in secrets {
                let value =
                    read(folder.path(), &format!("{}/{}", part.name, super::super::file_of(&variable.name)));
                assert!(variable.form.holds(&value), "{}: {}", part.name, variable.name);
            }
        }
        let order = read(folder.path(), "order/store");
        assert!(
            order.starts_with("mongodb://order:")
                && order.ends_with("@mongo:27017/larder_order?replicaSet=larder")
        );
        let users = read(folder.path(), "mongo/initdb/users.js");
        assert_eq!(users.lines().count(), 4);
        assert!(users.contains("role: 'readWrite', db: 'larder_order'") && !users.contains("root"));
        let password = order.trim_start_matches("mongodb://order:").split('@').next().unwrap();
        assert!(users.contains(password) && !read(folder.path(), "auth/store").contains(password));
        assert!(!read(folder.path(), "operator/secrets.env").contains("MONGO"));
    }

    #[test]
    fn made_again_only_what_the_servers_say_changes() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &servers("redis:6379")).unwrap();
        let before = ["order/store", "order/keys/order.json", "auth/keys/people.json", "router/api_secret"];
        let read_all = || before.map(|file| read(folder.path(), file));
        let (kept, cache) = (read_all(), read(folder.path(), "router/cache"));
        write(folder.path(), &servers("elsewhere:6379")).unwrap();
        assert_eq!(read_all(), kept);
        assert_eq!(read(folder.path(), "router/cache"), cache.replace("redis:6379", "elsewhere:6379"));
    }
}
