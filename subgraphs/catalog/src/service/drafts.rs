//! Ending what was begun and not finished: drafts whose stock could not be made, and drafts that somebody forgot by crashing.

use std::{sync::Arc, time::Duration};

use kit::{
    Code,
    client::CallError,
    store::{Find, StoreError, UpdateError},
};

use super::Catalog;
use crate::{
    documents::UNFINISHED,
    domain::{Product, ProductError, ProductId},
};

/// How often forgotten drafts are looked for; together with their age of a minute it says how long one can be there.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// How many are ended in one sweep, so that one sweep ends before the next is due.
const SWEEP_AT_MOST: usize = 100;

/// Why a draft is still there.
#[derive(Debug, thiserror::Error)]
enum Unended {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Rule(#[from] ProductError),
    #[error("its stock was not discarded: {0}")]
    Inventory(#[from] CallError),
}

impl Catalog {
    /// Starts to look for forgotten drafts: now, and then again and again.
    pub(crate) fn sweep_drafts(self: &Arc<Self>) {
        let catalog = self.clone();
        self.tasks.every(SWEEP_EVERY, move || {
            let catalog = catalog.clone();
            async move { catalog.end_forgotten().await }
        });
    }

    /// Ends a draft whose stock could not be made. The decision is made before this returns (the draft can never be shown, its
    /// slug is free); what remains to be tidied is done in the background, as inventory may be the one that does not answer.
    pub(super) async fn abandon(self: &Arc<Self>, id: ProductId) {
        if let Err(error) = self.mark_ended(id).await {
            tracing::warn!(%error, %id, "a draft was not ended; it will be when it is found");
            return;
        }
        let catalog = self.clone();
        self.tasks.spawn(async move {
            if let Err(error) = catalog.end(id).await {
                tracing::info!(%error, %id, "a draft was not removed yet; it will be when it is found");
            }
        });
    }

    async fn end_forgotten(&self) {
        let due = Find::by(&UNFINISHED).to(self.now()).limit(SWEEP_AT_MOST);
        let drafts = match self.products.find(due).await {
            Ok(found) => found.into_documents(),
            Err(error) => {
                tracing::warn!(%error, "forgotten drafts could not be looked for");
                return;
            }
        };
        for draft in drafts {
            match self.end(draft.id()).await {
                Ok(()) => tracing::info!(id = %draft.id(), "a forgotten draft was removed"),
                // The others would wait for the same silence; the next sweep asks again.
                Err(Unended::Inventory(error)) if !is_refusal(&error) => {
                    tracing::warn!(%error, "inventory does not answer; forgotten drafts wait");
                    return;
                }
                Err(error) => {
                    tracing::error!(%error, id = %draft.id(), "a forgotten draft could not be ended");
                }
            }
        }
    }

    /// Ends a draft for good: first the decision, then the stock, then the draft, so that after a stop between any two of them
    /// it is found again.
    async fn end(&self, id: ProductId) -> Result<(), Unended> {
        self.mark_ended(id).await?;
        self.inventory.discard_stock(id).await?;
        self.products.remove(&id).await?;
        Ok(())
    }

    /// From here on the draft can only be removed. One that is gone already is as well.
    async fn mark_ended(&self, id: ProductId) -> Result<(), Unended> {
        match self.products.update(&id, |draft: &mut Product, _| draft.end()).await {
            Ok(()) | Err(UpdateError::NotFound) => Ok(()),
            Err(UpdateError::Rule(error)) => Err(error.into()),
            Err(UpdateError::Store(error)) => Err(error.into()),
        }
    }
}

fn is_refusal(error: &CallError) -> bool {
    matches!(error, CallError::Refused(refused) if refused.code != Code::Unavailable)
}
