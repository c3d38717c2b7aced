//! What an operator wants to know of the catalog's data: whether anything was begun and not finished.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use kit::store::{Collection, Find, Found, Index, Store, StoreError};

use crate::{
    documents::UNFINISHED,
    domain::{Product, Status},
};

/// How many products are read at once.
const PAGE: usize = 500;

/// How long after it was due a draft may still be there: some sweeps, so that one that is under way is no fault.
const GRACE: TimeDelta = TimeDelta::minutes(1);
/// More than this many faults say nothing that these do not.
const AT_MOST: usize = 100;

/// The catalog's data, counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Products that are offered.
    pub offered: u64,
    /// Products that are not offered any more.
    pub archived: u64,
    /// Products that are being made, or whose making is being undone.
    pub unfinished: u64,
    /// Every product, and whether it was made to the end, so that there must be a stock of it.
    pub products: BTreeMap<String, bool>,
    /// Those of them that should have been finished long ago: the first hundred.
    pub overdue: Vec<Overdue>,
}

/// A product that was begun and not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was begun.
    pub since: DateTime<Utc>,
}

/// Counts the products of the catalog's database, and finds those that were not finished by `now`.
///
/// # Errors
/// When the database cannot be read.
pub async fn check(store: &Store, now: DateTime<Utc>) -> Result<Report, StoreError> {
    let products: Collection<Product> = store.collection().await?;
    let of = |status: Status| Find::by(&Index::ID).only("status", status.as_str());
    let overdue = Find::by(&UNFINISHED).to(now - GRACE).limit(AT_MOST);
    let overdue = products.find(overdue).await?.into_documents().into_iter().map(|product| Overdue {
        id: product.id().to_string(),
        name: product.name().to_owned(),
        since: product.created_at(),
    });
    Ok(Report {
        offered: products.count(of(Status::Published)).await?,
        archived: products.count(of(Status::Archived)).await?,
        unfinished: products.count(Find::by(&UNFINISHED)).await?,
        products: all(&products).await?,
        overdue: overdue.collect(),
    })
}

async fn all(products: &Collection<Product>) -> Result<BTreeMap<String, bool>, StoreError> {
    let (mut all, mut after) = (BTreeMap::new(), None);
    loop {
        let Found { items, more } = products.find(Find::by(&Index::ID).after(after).limit(PAGE)).await?;
        after = items.last().map(|(cursor, _)| cursor.clone());
        for (_, product) in items {
            let made = matches!(product.status(), Status::Published | Status::Archived);
            all.insert(product.id().to_string(), made);
        }
        if !more || after.is_none() {
            return Ok(all);
        }
    }
}
