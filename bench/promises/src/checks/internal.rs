//! A fault of the shop's own, wherever it happens, tells a client that there was one and under which id it is in the log. Every root field
//! and every entity is asked while what it reads cannot be read, what it writes cannot be written, and while its resolver panics.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::{Context, Result, ensure};
use kit::{
    clock::Clock,
    fault::INSIDE,
    identity::{KeyRing, ServiceTokens},
};
use serde_json::{Value, json};

use super::internal_rows::{ENTITIES, GRAPH, SERVICES, THROUGH_THE_GRAPH};
use crate::{
    aftermath,
    check::{Check, Faults, Kind, Setting, Trial},
    client::Client,
    shop::Shop,
};

pub(crate) const CHECK: Check = Check {
    name: "internal",
    promise: "An internal failure shows INTERNAL and a request id, and nothing else",
    broken: &["errors.leak"],
    on_shops: true,
};

/// How the texts begin that the router and the services have for it.
const SAID: &str = "Something went wrong on our side.";

/// How much longer than that a text is at most: what to do, and nothing of the cause.
const LONGEST: usize = 120;

pub(crate) async fn run(setting: &Setting) -> Result<Trial> {
    let (shop, faults) = (Shop::open(setting.kind)?, Faults::folder()?);
    let mut trial = Trial::default();
    let asker = Asker::new(&shop).await?;
    asker.all_is_asked().await?;
    let graph = shop.operator().await?;
    for (subgraph, _, operation, points) in GRAPH.iter().chain(THROUGH_THE_GRAPH) {
        asker.forced(&graph, subgraph, operation, points, &faults, &mut trial).await?;
    }
    if setting.kind == Kind::Cluster {
        asker.straight(&faults, &mut trial).await?;
    }
    // What was refused left nothing behind.
    aftermath::examine(&shop, &mut trial).await?;
    Ok(trial)
}

/// Asks, about things that there are.
struct Asker<'a> {
    shop: &'a Shop,
    /// What stands for what in the operations.
    names: Vec<(&'static str, String)>,
}

impl<'a> Asker<'a> {
    async fn new(shop: &'a Shop) -> Result<Self> {
        let operator = shop.operator().await?;
        let _ann = shop.shopper("ann").await?;
        let login = "mutation { login(input: { username: \"ann\", password: \"a long password\" }) { refresh_token user { _id } } }";
        let ann = shop.nobody()?.must(login, json!({})).await?;
        let product = shop.product("Tea", 100).await?;
        let order = operator.place(&[(&product, 1)], None).await;
        let category = "mutation { createCategory(input: { name: \"Teas\" }) { _id } }";
        let category = operator.must(category, json!({})).await?;
        let text = |value: &Value| value.as_str().map(str::to_owned).context("not there");
        let names = vec![
            ("@refresh", text(&ann["login"]["refresh_token"])?),
            ("@user", text(&ann["login"]["user"]["_id"])?),
            ("@order", order.text("/placeOrder/_id").with_context(|| format!("{order:?}"))?.to_owned()),
            ("@category", text(&category["createCategory"]["_id"])?),
            ("@product", product),
        ];
        Ok(Self { shop, names })
    }

    fn filled(&self, operation: &str, number: u64) -> String {
        // Under another name each time: an answer of the list cache would be one without a fault.
        let operation = operation.replace("@n", &number.to_string());
        self.names.iter().fold(operation, |text, (name, value)| text.replace(name, value))
    }

    /// The tables have a row for everything that the shop describes.
    async fn all_is_asked(&self) -> Result<()> {
        let listed: BTreeSet<_> = GRAPH.iter().map(|(_, field, ..)| (*field).to_owned()).collect();
        let found = root_fields(&self.shop.nobody()?).await?;
        ensure!(found == listed, "the table is not complete: {:?}", found.symmetric_difference(&listed));
        for part in self.services()? {
            let (service, subgraph) = (part.as_str(), self.subgraph(&part)?.context("no such service")?);
            let own = GRAPH.iter().filter(|row| row.0 == service).map(|(_, field, ..)| *field);
            let internal = SERVICES.iter().filter(|row| row.0 == service).map(|row| row.2);
            let entities = ENTITIES.iter().any(|row| row.0 == service).then_some("_entities");
            let listed: BTreeSet<_> =
                own.chain(internal).chain(entities).chain(["_service"]).map(str::to_owned).collect();
            let mut found = root_fields(&subgraph).await?;
            if entities.is_none() {
                found.remove("_entities");
            }
            ensure!(found == listed, "{service}: {:?}", found.symmetric_difference(&listed));
            let found = entities_of(&subgraph).await?;
            let listed = ENTITIES.iter().filter(|row| row.0 == service).map(|row| row.1.to_owned()).collect();
            ensure!(found == listed, "{service}: {:?}", found.symmetric_difference(&listed));
        }
        Ok(())
    }

    /// The services that can be reached past the router.
    fn services(&self) -> Result<Vec<String>> {
        let names = self.shop.parts()?.into_iter().map(|part| part.name);
        Ok(names.filter(|name| !["shop", "router", "redis"].contains(&name.as_str())).collect())
    }

    /// A service, where it can be reached past the router.
    fn subgraph(&self, name: &str) -> Result<Option<Client>> {
        let part = self.shop.parts()?.into_iter().find(|part| part.name == name);
        part.map(|part| self.shop.nobody().map(|nobody| nobody.at(&format!("{}/graphql", part.url))))
            .transpose()
    }

    /// What only services ask, and the entities, straight at each service.
    async fn straight(&self, faults: &Faults, trial: &mut Trial) -> Result<()> {
        for (service, (caller, scope), _, operation, points) in SERVICES {
            let keys = self.shop.data().join(format!("secrets/{caller}/keys/{caller}.json"));
            let tokens = ServiceTokens::new(caller, Arc::new(KeyRing::follow(keys)?), Clock::system());
            let token = tokens.token(service, scope).map_err(|error| anyhow::anyhow!("{error}"))?;
            let client = self.subgraph(service)?.context("no such service")?.bearer(&token);
            self.forced(&client, service, operation, points, faults, trial).await?;
        }
        for (service, entity, fields, point) in ENTITIES {
            let id = if *entity == "User" { "@user" } else { "@product" };
            let operation = format!(
                "{{ _entities(representations: [{{ __typename: \"{entity}\", _id: \"{id}\" }}]) {{ ... on {entity} {{ {fields} }} }} }}"
            );
            let client = self.subgraph(service)?.context("no such service")?;
            self.forced(&client, service, &operation, &[point], faults, trial).await?;
        }
        for service in self.services()? {
            let client = self.subgraph(&service)?.context("no such service")?;
            self.forced(&client, &service, "{ _service { sdl } }", &[], faults, trial).await?;
        }
        Ok(())
    }

    /// Asks it once with each of these faults, once while the resolver panics, and once without.
    async fn forced(
        &self,
        client: &Client,
        subgraph: &str,
        operation: &str,
        points: &[&str],
        faults: &Faults,
        trial: &mut Trial,
    ) -> Result<()> {
        let panics = format!("{subgraph}.panics");
        for point in points.iter().copied().chain([panics.as_str()]) {
            let (id, question) = self.next(operation, trial);
            faults.put(point, "")?;
            let answer = client.with("x-request-id", &id).ask(&question, json!({})).await;
            trial.expect(faults.take(point), || format!("{point} was gone"));
            trial.faults += 1;
            let answer = answer.with_context(|| format!("{question} while {point}"))?;
            if let Err(why) = shows_nothing(&answer, &id, &question) {
                trial.violations.push(format!("{question} while {point}: {why}: {answer}"));
            }
        }
        let (id, question) = self.next(operation, trial);
        let answer = client.with("x-request-id", &id).ask(&question, json!({})).await?;
        let codes = codes(&answer);
        trial.expect(!codes.contains("INTERNAL"), || format!("{question} without a fault: {answer}"));
        Ok(())
    }

    /// The next request's id, and its question.
    fn next(&self, operation: &str, trial: &mut Trial) -> (String, String) {
        trial.tries += 1;
        (format!("internal-{}", trial.tries), self.filled(operation, trial.tries))
    }
}

fn codes(answer: &Value) -> BTreeSet<&str> {
    let errors = answer["errors"].as_array().into_iter().flatten();
    errors.filter_map(|error| error["extensions"]["code"].as_str()).collect()
}

/// Whether an answer says that there was a fault, under which id, and nothing more.
fn shows_nothing(answer: &Value, id: &str, question: &str) -> Result<()> {
    let errors = answer["errors"].as_array().filter(|errors| !errors.is_empty()).context("no error")?;
    ensure!(!answer.to_string().contains(INSIDE), "it shows a text of the inside");
    for error in errors {
        ensure!(error["extensions"] == json!({ "code": "INTERNAL", "requestId": id }), "other extensions");
        let message = error["message"].as_str().context("no message")?;
        ensure!(message.starts_with(SAID) && message.len() < LONGEST, "another text");
        let keys = error.as_object().context("no object")?.keys();
        let allowed = ["message", "path", "locations", "extensions"];
        ensure!(keys.into_iter().all(|key| allowed.contains(&key.as_str())), "other keys");
        let path: Vec<_> = error["path"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        ensure!(path.iter().all(|field| question.contains(field)), "a place that was not asked for");
    }
    Ok(())
}

/// The root fields that an endpoint describes.
async fn root_fields(client: &Client) -> Result<BTreeSet<String>> {
    let query = "{ __schema { queryType { fields { name } } mutationType { fields { name } } } }";
    let data = client.must(query, json!({})).await?;
    let fields =
        ["queryType", "mutationType"].map(|root| data["__schema"][root]["fields"].as_array().cloned());
    let names = fields.into_iter().flatten().flatten();
    Ok(names.filter_map(|field| field["name"].as_str().map(str::to_owned)).collect())
}

/// The entities that a service answers for.
async fn entities_of(client: &Client) -> Result<BTreeSet<String>> {
    let data = client.must("{ _service { sdl } }", json!({})).await?;
    let sdl = data["_service"]["sdl"].as_str().context("no SDL")?;
    let keyed = sdl.lines().filter(|line| line.contains("@key(") && !line.contains("resolvable: false"));
    Ok(keyed.filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned).collect())
}
