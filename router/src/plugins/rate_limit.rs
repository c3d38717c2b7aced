//! How often a client may write. Token buckets by address, and by user where one is proved, for sign-in, registration
//! and what nobody in particular writes. Each mutation field counts, however it is aliased or spread over fragments.
//! Reads are not limited unless a rule for them is set. What a sign-in costs and when an account is locked is the
//! auth service's.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use hive_router::query_planner::{
    ast::{operation::OperationDefinition, selection_item::SelectionItem, selection_set::SelectionSet},
    state::supergraph_state::OperationKind,
};
use kit::identity::Caller;
use moka::sync::Cache;
use parking_lot::Mutex;

/// A bucket: it holds `burst` tokens and is refilled evenly, from empty to full in `per`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// How many at once.
    pub burst: u32,
    /// How long until all of them are back.
    pub per: Duration,
}

impl Rule {
    /// So many a minute.
    #[must_use]
    pub const fn per_minute(burst: u32) -> Self {
        Self { burst, per: Duration::from_secs(60) }
    }
}

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

/// Where buckets are kept. One router keeps them in memory; several share them.
#[async_trait]
pub(crate) trait Buckets: Send + Sync {
    /// Takes `n` tokens from a bucket, or says how long until they would be there.
    async fn take(&self, bucket: &str, rule: Rule, n: u32) -> Result<(), Duration>;
}

/// How many buckets a process keeps: more addresses than a shop sees in a minute, in a few megabytes. Beyond it the least
/// used are forgotten, which is what a full bucket is.
const BUCKETS: u64 = 100_000;

/// Buckets in this process.
struct MemoryBuckets(Cache<String, Arc<Mutex<Bucket>>>);

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl MemoryBuckets {
    fn new(longest: Duration) -> Self {
        // A bucket that was left alone for as long as it takes to fill is as good as none.
        Self(Cache::builder().max_capacity(BUCKETS).time_to_idle(longest).build())
    }

    fn take_at(&self, bucket: &str, rule: Rule, n: u32, now: Instant) -> Result<(), Duration> {
        let full = f64::from(rule.burst);
        let rate = full / rule.per.as_secs_f64();
        let bucket =
            self.0.get_with_by_ref(bucket, || Arc::new(Mutex::new(Bucket { tokens: full, at: now })));
        let mut bucket = bucket.lock();
        let since = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.tokens = (bucket.tokens + since * rate).min(full);
        bucket.at = now;
        let missing = f64::from(n) - bucket.tokens;
        if missing <= 0.0 {
            bucket.tokens -= f64::from(n);
            Ok(())
        } else {
            // More than a bucket holds can never be had at once; say when it is full.
            Err(Duration::from_secs_f64(missing.min(full) / rate))
        }
    }
}

#[async_trait]
impl Buckets for MemoryBuckets {
    async fn take(&self, bucket: &str, rule: Rule, n: u32) -> Result<(), Duration> {
        self.take_at(bucket, rule, n, Instant::now())
    }
}

/// The limiter of one router.
pub(crate) struct Limiter {
    limits: RateLimits,
    buckets: Box<dyn Buckets>,
}

impl Limiter {
    pub(crate) fn new(limits: RateLimits) -> Self {
        let rules = limits.fields.values().chain(&limits.anonymous_writes).chain(&limits.reads);
        let longest = rules.map(|rule| rule.per).max().unwrap_or(Duration::from_secs(60));
        Self { limits, buckets: Box::new(MemoryBuckets::new(longest)) }
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
        Limiter::new(RateLimits {
            fields: BTreeMap::from([("login".to_owned(), Rule::per_minute(burst))]),
            anonymous_writes: Some(Rule::per_minute(burst)),
            reads: None,
        })
    }

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn a_bucket_empties_refills_evenly_and_never_overflows() {
        let buckets = MemoryBuckets::new(Duration::from_secs(60));
        let rule = Rule::per_minute(6);
        let start = Instant::now();
        for _ in 0..6 {
            buckets.take_at("b", rule, 1, start).unwrap();
        }
        assert_eq!(buckets.take_at("b", rule, 1, start), Err(Duration::from_secs(10)));
        let later = start + Duration::from_secs(10);
        buckets.take_at("b", rule, 1, later).unwrap();
        assert!(buckets.take_at("b", rule, 1, later).is_err());
        let much_later = start + Duration::from_secs(3600);
        buckets.take_at("b", rule, 6, much_later).unwrap();
        assert!(buckets.take_at("b", rule, 1, much_later).is_err());
    }

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
