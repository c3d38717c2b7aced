#[test]
fn the_schema_is_the_one_that_was_agreed_on() {
    insta::assert_snapshot!(order::sdl());
}

#[test]
fn what_only_services_may_call_is_inaccessible() {
    let sdl = order::sdl();
    for inaccessible in ["): OrderFate! @inaccessible", "enum OrderFate @inaccessible"] {
        assert!(sdl.contains(inaccessible), "{inaccessible}");
    }
    assert_eq!(sdl.matches("@inaccessible").count(), 2 + 1, "two uses and the import");
}

/// Whatever a front-end developer can see says what it is.
#[tokio::test]
async fn everything_is_described() {
    let shop = crate::shop::Shop::start().await;
    let query = "{ __schema { types { name kind description fields { name description args { name description } } \
                 inputFields { name description } enumValues { name description } } } }";
    let answer = shop.customer("ann").client.ask(query).await;
    let mut silent = Vec::new();
    let mut look = |path: String, thing: &serde_json::Value| {
        if thing["description"].as_str().is_none_or(str::is_empty) {
            silent.push(path);
        }
    };
    let list = |thing: &serde_json::Value, part: &str| thing[part].as_array().cloned().unwrap_or_default();
    let name = |thing: &serde_json::Value| thing["name"].as_str().unwrap().to_owned();
    for kind in list(&answer.data()["__schema"], "types") {
        // What GraphQL and federation bring themselves.
        if name(&kind).starts_with('_') || kind["kind"] == "SCALAR" {
            continue;
        }
        look(name(&kind), &kind);
        for part in ["fields", "inputFields", "enumValues"] {
            for member in list(&kind, part) {
                if ["_service", "_entities"].contains(&name(&member).as_str()) {
                    continue;
                }
                look(format!("{}.{}", name(&kind), name(&member)), &member);
                for argument in list(&member, "args") {
                    look(format!("{}.{}({})", name(&kind), name(&member), name(&argument)), &argument);
                }
            }
        }
    }
    assert!(silent.is_empty(), "without a description: {silent:?}");
}
