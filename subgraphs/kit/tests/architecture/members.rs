//! Who may use whom, and on what terms a crate of others comes in.

use serde_json::Value;

use super::metadata;

/// The members that a member may use, in code or in tests.
fn allowed(member: &str) -> &'static [&'static str] {
    match member {
        "kit" => &[],
        "larder" | "bench" => &["kit", "auth", "catalog", "inventory", "order", "router", "larder"],
        "promises" => &["kit", "catalog", "inventory", "order"],
        // The router, and every subgraph: the ones that are and the ones that come.
        _ => &["kit"],
    }
}

/// Databases that only kit may name.
const ENGINES: &[&str] = &["rusqlite", "libsqlite3-sys", "mongodb", "redis"];

/// The breaches in one member's dependencies.
fn breaches(member: &str, members: &[String], dependencies: &[String]) -> Vec<String> {
    let strangers = dependencies.iter().filter(|dependency| {
        members.contains(dependency)
            && *dependency != member
            && !allowed(member).contains(&dependency.as_str())
    });
    let engines =
        dependencies.iter().filter(|dependency| member != "kit" && ENGINES.contains(&dependency.as_str()));
    strangers.chain(engines).map(|dependency| format!("{member} may not use {dependency}")).collect()
}

fn names(list: &Value) -> Vec<String> {
    let list = list.as_array().expect("a list");
    list.iter().map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn members_use_only_whom_they_may() {
    let metadata = metadata(false);
    let members = names(&metadata["packages"]);
    let mut found = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        found.extend(breaches(name, &members, &names(&package["dependencies"])));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn notices_a_member_that_uses_another_that_it_may_not() {
    let members: Vec<String> = ["kit", "auth", "order"].map(str::to_owned).into();
    let uses = |member, dependency: &str| breaches(member, &members, &[dependency.to_owned()]);
    assert_eq!(uses("order", "auth"), ["order may not use auth"]);
    assert_eq!(uses("kit", "order"), ["kit may not use order"]);
    assert_eq!(uses("router", "auth"), ["router may not use auth"]);
    assert_eq!(uses("order", "rusqlite"), ["order may not use rusqlite"]);
    assert!(uses("order", "kit").is_empty());
    assert!(uses("kit", "rusqlite").is_empty());
}

#[test]
fn every_member_takes_the_lints_of_the_workspace() {
    for package in metadata(false)["packages"].as_array().unwrap() {
        let manifest = std::fs::read_to_string(package["manifest_path"].as_str().unwrap()).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{}", package["name"]);
    }
}

/// Licences that the project may ship with. An `OR` needs one of them, an `AND` all.
const LICENCES: &[&str] = &[
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "0BSD",
    "ISC",
    "Zlib",
    "MPL-2.0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "OpenSSL",
    "Unlicense",
    "bzip2-1.0.6",
];

/// Whether an SPDX expression allows what the project needs. Old crates write `/` for `OR`.
fn acceptable(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let flat = expression.replace(['(', ')'], " ");
    if flat.contains(" OR ") && !expression.contains('(') {
        return flat.split(" OR ").any(acceptable_all);
    }
    // With parentheses: every word that is not an operator must be acceptable, or stand beside an acceptable alternative.
    flat.split(" AND ").all(|part| part.split(" OR ").any(|licence| LICENCES.contains(&licence.trim())))
}

fn acceptable_all(part: &str) -> bool {
    part.split(" AND ").all(|licence| LICENCES.contains(&licence.trim()))
}

#[test]
fn every_dependency_has_a_licence_that_fits() {
    let metadata = metadata(true);
    let mut found = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        if package["source"].is_null() {
            continue;
        }
        let licence = package["license"].as_str().unwrap_or("none");
        let only_a_file = licence == "none" && package["license_file"].is_string();
        if !acceptable(licence) && !only_a_file {
            found.push(format!("{} {}: {licence}", package["name"], package["version"]));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn tells_licences_that_fit_from_those_that_do_not() {
    for good in
        ["MIT", "MIT OR GPL-3.0", "MIT/Apache-2.0", "(MIT OR Apache-2.0) AND Unicode-3.0", "ISC AND MIT"]
    {
        assert!(acceptable(good), "{good}");
    }
    for bad in ["GPL-3.0", "AGPL-3.0-only", "MIT AND GPL-3.0", "SSPL-1.0", "none"] {
        assert!(!acceptable(bad), "{bad}");
    }
}
