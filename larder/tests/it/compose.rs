//! The compose file, the Dockerfile and the table of variables say the same.

use std::{collections::BTreeMap, path::Path, process::Command};

use larder::distributed::{Compose, Part, Place as _, ROUTER, environment, parts, secrets::MOUNTED};
use serde_yaml_ng::Value;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

struct File(Value);

impl File {
    fn parse(text: &str) -> Self {
        let mut value: Value = serde_yaml_ng::from_str(text).unwrap();
        // A merged mapping may bring another merge with it.
        for _ in 0..3 {
            value.apply_merge().unwrap();
        }
        Self(value)
    }

    fn services(&self) -> impl Iterator<Item = (&str, &Value)> {
        let services = self.0["services"].as_mapping().unwrap().iter();
        services.map(|(name, service)| (name.as_str().unwrap(), service))
    }

    /// The breaches of what the parts of the shop need.
    fn breaches(&self) -> Vec<String> {
        let mut found = Vec::new();
        for part in parts() {
            for name in [part.name.clone(), format!("{}-2", part.name)] {
                let service = &self.0["services"][name.as_str()];
                found.extend(breaches(&part, service).into_iter().map(|breach| format!("{name}: {breach}")));
            }
        }
        found
    }
}

fn words(value: &Value) -> Vec<&str> {
    value.as_sequence().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn breaches(part: &Part, service: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let program = format!("/usr/local/bin/{}", part.program());
    let given: BTreeMap<String, String> = service["environment"]
        .as_mapping()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.as_str()?.to_owned(), value.as_str()?.to_owned())))
        .collect();
    let wanted = environment(part, &Compose);
    for name in wanted.keys().chain(given.keys()).filter(|name| given.get(*name) != wanted.get(*name)) {
        found.push(format!("{name} is {:?} and should be {:?}", given.get(name), wanted.get(name)));
    }
    if words(&service["entrypoint"]) != [program.as_str()] {
        found.push(format!("it does not start {program}"));
    }
    if words(&service["healthcheck"]["test"]) != ["CMD", &program, "--ready"] {
        found.push("its health is not asked of itself".to_owned());
    }
    let mounts = service["volumes"].as_sequence().into_iter().flatten();
    let secrets: Vec<_> = mounts.filter(|mount| mount["source"] == "secrets").collect();
    match secrets[..] {
        [mount]
            if mount["target"] == MOUNTED
                && mount["read_only"] == true
                && mount["volume"]["subpath"] == part.name.as_str() => {}
        _ => found.push("it does not mount its own secrets, to read, and nothing else".to_owned()),
    }
    if (part.name == ROUTER) == service["ports"].is_null() {
        found.push("only the router's port is published".to_owned());
    }
    if part.name == ROUTER {
        let published = words(&service["ports"]);
        if !published.iter().all(|port| port.ends_with(&format!(":{}", part.port))) {
            found.push(format!("{published:?} do not lead to {}", part.port));
        }
    }
    found
}

#[test]
fn the_compose_file_gives_every_process_what_it_reads() {
    let found = File::parse(&read("docker-compose.yml")).breaches();
    assert!(found.is_empty(), "{found:#?}");
    // What it gives is enough: nothing that a process refuses to start without is missing.
    for part in parts() {
        let given = environment(&part, &Compose);
        for variable in part.table.iter().filter(|variable| variable.unset == kit::config::Unset::Refused) {
            let name = if variable.secret { variable.file_name() } else { variable.name.to_string() };
            assert!(given.contains_key(&name), "{}: {name}", part.name);
        }
        assert!(Compose.base(&part.name).ends_with(&part.port.to_string()));
    }
}

#[test]
fn notices_a_compose_file_that_has_drifted() {
    let text = read("docker-compose.yml");
    for (was, is) in [
        ("LARDER_STORE_FILE: /run/larder/store", "LARDER_STORE_FILE: /run/larder/shop"),
        ("      LARDER_ORDER_URL: http://order:4004\n      API", "      API"),
        ("LARDER_LISTEN: 0.0.0.0:4003", "LARDER_LISTEN: 0.0.0.0:4013"),
        ("subpath: inventory", "subpath: order"),
        ("[CMD, /usr/local/bin/larder-order, --ready]", "[CMD, /usr/local/bin/larder-order]"),
        ("LARDER_KEYS: /run/larder/keys\n", "LARDER_KEYS: /run/larder/keys\n      LARDER_KEY: x\n"),
        ("entrypoint: [/usr/local/bin/larder-auth]", "entrypoint: [/usr/local/bin/larder]"),
        ("[\"4010:4000\"]", "[\"4010:4001\"]"),
    ] {
        let drifted = text.replacen(was, is, 1);
        assert_ne!(drifted, text, "{was}");
        assert!(!File::parse(&drifted).breaches().is_empty(), "{is}");
    }
}

#[test]
fn every_container_is_confined_and_limited() {
    let file = File::parse(&read("docker-compose.yml"));
    for (name, service) in file.services() {
        assert_eq!(service["user"], "999:999", "{name}");
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(words(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(words(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        let limits = &service["deploy"]["resources"]["limits"];
        assert!(
            limits["memory"].is_string() && limits["cpus"].is_string() && limits["pids"].is_number(),
            "{name}"
        );
        assert!(service["privileged"].is_null() && service["environment"]["API_SECRET"].is_null(), "{name}");
        // What runs for ever says how it is; the others are waited for to end.
        let job = service["restart"] != "unless-stopped";
        assert_eq!(job, service["healthcheck"].is_null(), "{name}");
        let second = name.ends_with("-2");
        assert_eq!(second, words(&service["profiles"]) == ["cluster"], "{name}");
        for (other, how) in service["depends_on"].as_mapping().into_iter().flatten() {
            let other = &file.0["services"][other.as_str().unwrap()];
            let ends = other["restart"] != "unless-stopped";
            let waits = how["condition"].as_str().unwrap();
            assert_eq!(ends, waits == "service_completed_successfully", "{name} waits for {waits}");
        }
    }
}

#[test]
fn the_image_has_every_program_on_a_pinned_base() {
    let text = read("Dockerfile");
    let runtime = text.rsplit("\nFROM ").next().unwrap();
    assert!(runtime.lines().next().unwrap().contains("@sha256:"), "{runtime}");
    assert!(runtime.contains("\nUSER 999:999\n"));
    let copied = text.lines().find(|line| line.contains("for program in")).unwrap();
    for program in parts().iter().map(Part::program).chain(["larder".to_owned()]) {
        assert!(copied.split_whitespace().any(|word| word.trim_end_matches(';') == program), "{program}");
    }
    assert!(runtime.contains(&format!("{}/", Compose.pictures().display())));
}

#[test]
fn docker_takes_the_compose_file_where_it_is_there() {
    let compose = |arguments: &[&str]| {
        Command::new("docker").arg("compose").args(arguments).current_dir(root()).output()
    };
    // The client alone is asked; no daemon is needed.
    if !compose(&["version"]).is_ok_and(|output| output.status.success()) {
        eprintln!("there is no `docker compose` here: the file was only read");
        return;
    }
    let output = compose(&["--profile", "cluster", "config", "--quiet"]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
