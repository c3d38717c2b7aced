//! Values are checked, all of them at once, and a secret is never shown.

use std::{collections::HashMap, ffi::OsString};

use super::*;

const TABLE: [Variable; 4] = [
    LISTEN,
    STORE,
    Variable::required(
        "LARDER_COLOUR",
        Form::new("red or green", |value| matches!(value, "red" | "green")),
        "its colour",
    ),
    Variable::optional("LARDER_SECRET", Form::SECRET, "a secret").secret(),
];

fn read(values: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let values: HashMap<_, _> = values.iter().copied().collect();
    Settings::read(&TABLE, |name| values.get(name).map(OsString::from))
}

fn problems(values: &[(&str, &str)]) -> String {
    read(values).err().expect("it is wrong").to_string()
}

const GOOD: [(&str, &str); 2] =
    [("LARDER_STORE", "mongodb://u:p@a,b:27018/shop?w=1"), ("LARDER_COLOUR", "red")];

#[test]
fn gives_what_is_set_and_defaults_for_the_rest() {
    let settings = read(&GOOD).unwrap();
    assert_eq!(settings.get("LARDER_COLOUR"), Some("red"));
    assert_eq!(settings.parsed::<std::net::SocketAddr>("LARDER_LISTEN").unwrap().port(), 4000);
    assert_eq!(settings.get("LARDER_SECRET"), None);
    // What a compose file makes of a variable that is not set.
    assert!(read(&[GOOD[0], GOOD[1], ("LARDER_LISTEN", "")]).is_ok());
}

#[test]
fn says_everything_that_is_wrong_at_once() {
    let text = problems(&[("LARDER_LISTEN", "4000"), ("LARDER_COLOUR", "blue")]);
    assert_eq!(
        text,
        "LARDER_LISTEN is `4000`; it must be an address and a port, such as 0.0.0.0:4000\n\
         LARDER_STORE (or LARDER_STORE_FILE) is missing: the service's own database\n\
         LARDER_COLOUR is `blue`; it must be red or green"
    );
}

#[test]
fn never_shows_a_secret() {
    let text =
        problems(&[("LARDER_STORE", "mongo://u:hunter2@a/shop"), ("LARDER_SECRET", "hunter2"), GOOD[1]]);
    assert!(text.contains("LARDER_STORE must be") && text.contains("LARDER_SECRET must be"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn reads_a_secret_from_a_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, "a long enough secret\n").unwrap();
    let path = path.to_str().unwrap();
    let settings = read(&[GOOD[0], GOOD[1], ("LARDER_SECRET_FILE", path)]).unwrap();
    assert_eq!(settings.get("LARDER_SECRET"), Some("a long enough secret"));
    let both = [GOOD[0], GOOD[1], ("LARDER_SECRET_FILE", path), ("LARDER_SECRET", "another long secret")];
    assert!(problems(&both).contains("both set"));
    let missing = folder.path().join("none");
    assert!(
        problems(&[GOOD[0], GOOD[1], ("LARDER_SECRET_FILE", missing.to_str().unwrap())])
            .contains("cannot be read")
    );
    // What is no secret has no such file.
    assert!(problems(&[GOOD[0], ("LARDER_COLOUR_FILE", path)]).contains("LARDER_COLOUR is missing"));
}

#[test]
fn knows_addresses_of_engines() {
    for good in
        ["mongodb://h/db", "mongodb+srv://u:p@h/db", "mongodb://h1:1,h2:2/db?replicaSet=r", "sqlite:/data"]
    {
        assert!(Form::STORE.holds(good), "{good}");
    }
    for bad in
        ["mongodb://h", "mongodb://h/", "mongodb:///db", "postgres://h/db", "sqlite:", "mongodb://h/a b"]
    {
        assert!(!Form::STORE.holds(bad), "{bad}");
    }
    assert!(Form::MEMORY.holds("memory:") && Form::MEMORY.holds("redis://u:p@h:6379/0"));
    // There is no TLS to Redis in this program.
    assert!(!Form::MEMORY.holds("rediss://u:p@h:6379/0"));
    assert!(!Form::MEMORY.holds("redis:") && !Form::BUS.holds("memory:"));
    assert!(Form::WEB.holds("http://catalog:4002") && !Form::WEB.holds("http://catalog:4002/graphql"));
}

#[test]
fn help_names_every_variable() {
    let text = help(&TABLE);
    for variable in &TABLE {
        assert!(text.contains(&*variable.name), "{text}");
    }
    assert!(text.contains("LARDER_STORE_FILE") && text.contains("[default: 0.0.0.0:4000]"), "{text}");
}
