//! How often a client may write. Token buckets by address, and by user where one is proved, for sign-in, registration
//! and what nobody in particular writes. Each mutation field counts, however it is aliased or spread over fragments.
//! Reads are not limited unless a rule for them is set. Where they are counted is kit's; what a sign-in costs and when an account is
//! locked is the auth service's.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use hive_router::query_planner::{
    ast::{operation::OperationDefinition, selection_item::SelectionItem, selection_set::SelectionSet},
    state::supergraph_state::OperationKind,
};
pub use kit::limit::Rule;
use kit::{identity::Caller, limit::Buckets};

/// The rules of one router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimits {
    /// Mutation fields with a rule of their own, for everybody.
    pub fields: BTreeMap<String, Rule>,
    /// All other mutation fields together, for callers without credentials.
    pub anonymous_writes: Option<Rule>,
    /// Requests that read, by address.
    pub reads: Option<Rule>,
}

impl Default for RateLimits {
    /// Room for a household or an office behind one address, and none for guessing passwords.
    fn default() -> Self {
        let fields = [("login", 30), ("registerUser", 60)];
        Self {
            fields: fields.map(|(field, n)| (field.to_owned(), Rule::per_minute(n))).into(),
            anonymous_writes: Some(Rule::per_minute(120)),
            reads: None,
        }
    }
}

impl RateLimits {
    /// No limits at all, for a bench.
    #[must_use]
    pub const fn none() -> Self {
        Self { fields: BTreeMap::new(), anonymous_writes: None, reads: None }
    }
}

/// The limiter of one router.
pub(crate) struct Limiter {
    limits: RateLimits,
    buckets: Buckets,
}

impl Limiter {
    pub(crate) const fn new(limits: RateLimits, buckets: Buckets) -> Self {
        Self { limits, buckets }
    }

    /// Counts an operation, or refuses it.
    ///
    /// # Errors
    /// `RATE_LIMITED` with `retryAfter`.
    pub(crate) async fn admit(
        &self,
        operation: &OperationDefinition,
        caller: &Caller,
        client: IpAddr,
    ) -> kit::Result<()> {
        match operation.operation_kind {
            Some(OperationKind::Mutation) => {}
            _ => return self.admit_read(client).await,
        }
        let mut uses = BTreeMap::new();
        count(&operation.selection_set, &mut uses);
        let mut other_writes = 0;
        for (field, n) in uses {
            let Some(rule) = self.limits.fields.get(field) else {
                other_writes += n;
                continue;
            };
            self.take(&format!("{field}:{}", network(client)), *rule, n).await?;
            if let Some(user) = caller.user() {
                self.take(&format!("{field}:{}", user.id), *rule, n).await?;
            }
        }
        match (caller, self.limits.anonymous_writes) {
            (Caller::Nobody, Some(rule)) if other_writes > 0 => {
                self.take(&format!("write:{}", network(client)), rule, other_writes).await
            }
            _ => Ok(()),
        }
    }

    /// Counts a request that reads.
    ///
    /// # Errors
    /// `RATE_LIMITED` with `retryAfter`.
    pub(crate) async fn admit_read(&self, client: IpAddr) -> kit::Result<()> {
        match self.limits.reads {
            Some(rule) => self.take(&format!("read:{}", network(client)), rule, 1).await,
            None => Ok(()),
        }
    }

    async fn take(&self, bucket: &str, rule: Rule, n: u32) -> kit::Result<()> {
        self.buckets.take(bucket, rule, n).await.map_err(|wait| {
            // Whole seconds, rounded up: a client that waits that long is let in.
            let seconds = (wait.as_secs_f64().ceil() as u64).max(1);
            let text = format!("Too many attempts from here. Wait {seconds} s and try again.");
            kit::Error::rate_limited(text, Duration::from_secs(seconds))
        })
    }
}

fn count<'a>(selection: &'a SelectionSet, uses: &mut BTreeMap<&'a str, u32>) {
    for item in &selection.items {
        match item {
            SelectionItem::Field(field) => *uses.entry(&field.name).or_default() += 1,
            SelectionItem::InlineFragment(fragment) => count(&fragment.selections, uses),
            SelectionItem::FragmentSpread(_) => {}
        }
    }
}

/// Who an address stands for: itself, or for IPv6 the network that one subscriber is given.
fn network(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => IpAddr::V4(address),
            None => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
        },
        IpAddr::V4(_) => client,
    }
}

#[cfg(test)]
mod tests {
    use hive_router::graphql_tools::parser::query::{Definition, parse_query};

    use super::*;

    fn operation(text: &str) -> OperationDefinition {
        let document = parse_query::<String>(text).unwrap().into_static();
        match document.definitions.into_iter().next().unwrap() {
            Definition::Operation(operation) => operation.into(),
            Definition::Fragment(_) => panic!("no operation first"),
        }
    }

    fn limiter(burst: u32) -> Limiter {
        let limits = RateLimits {
            fields: BTreeMap::from([("login".to_owned(), Rule::per_minute(burst))]),
            anonymous_writes: Some(Rule::per_minute(burst)),
            reads: None,
        };
        Limiter::new(limits, Buckets::memory())
    }

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[tokio::test]
    async fn each_use_of_a_field_counts_however_it_is_written() {
        let limiter = limiter(3);
        let twice = operation("mutation { a: login(n: 1) { t } ... on Mutation { b: login(n: 2) { t } } }");
        limiter.admit(&twice, &Caller::Nobody, HOME).await.unwrap();
        let refused = limiter.admit(&twice, &Caller::Nobody, HOME).await.unwrap_err();
        assert_eq!(refused.code(), kit::Code::RateLimited);
        assert!(refused.extension("retryAfter").is_some());
        limiter.admit(&twice, &Caller::Nobody, ELSEWHERE).await.unwrap();
    }

    #[tokio::test]
    async fn known_callers_and_readers_are_not_counted_as_anonymous_writers() {
        let limiter = limiter(1);
        let write = operation("mutation { createProduct(n: 1) { _id } }");
        let read = operation("{ products { _id } }");
        for _ in 0..5 {
            limiter.admit(&write, &Caller::ApiKey, HOME).await.unwrap();
            limiter.admit(&read, &Caller::Nobody, HOME).await.unwrap();
        }
        limiter.admit(&write, &Caller::Nobody, HOME).await.unwrap();
        assert!(limiter.admit(&write, &Caller::Nobody, HOME).await.is_err());
    }

    #[test]
    fn neighbours_in_one_ipv6_network_share_a_bucket() {
        let address = |text: &str| network(text.parse().unwrap());
        assert_eq!(address("2001:db8:1:2::a"), address("2001:db8:1:2:ffff::b"));
        assert_ne!(address("2001:db8:1:2::a"), address("2001:db8:1:3::a"));
        assert_eq!(address("::ffff:192.0.2.1"), HOME);
    }
}
