//! Copying the documents of one store into another, whatever engines the two stand on: for a shop that moves.

use std::{collections::HashMap, sync::Arc};

use futures::{StreamExt as _, TryStreamExt as _};

use super::{
    Cursor, Document, Find, Index, Store, StoreError, codec,
    collection::spec_of,
    engine::{CollectionSpec, Engine, Envelope, Write, WriteFailure},
};

/// How many documents are read at once, and how many of them are written at once: enough that neither store waits for the other.
const PAGE: usize = 500;
const WRITERS: usize = 32;

/// What the transfer of one collection found and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transferred {
    /// The collection.
    pub collection: &'static str,
    /// Its documents in the old store.
    pub documents: u64,
    /// Those that the new store did not have, or not as they are.
    pub written: u64,
    /// The documents in the new store afterwards. More than `documents` when something else was there.
    pub there: u64,
}

impl Store {
    /// Makes the documents of this type the same in `to` as they are here, with the events that are not delivered yet; those that
    /// are the same already are left alone, so that it can be done again. Nobody may write to either meanwhile.
    ///
    /// # Errors
    /// When either store fails; what was copied until then stays, do it again. And when a document was changed in `to` since an
    /// earlier transfer: the new store is in use, and nothing in it is overwritten.
    pub async fn transfer<D: Document>(&self, to: &Self) -> Result<Transferred, StoreError> {
        // Makes the collection in the new store, and brings the old one up to this program's shape.
        self.collection::<D>().await?;
        to.collection::<D>().await?;
        let spec = spec_of::<D>();
        let (mut documents, mut written) = (0, 0);
        let mut after = None;
        loop {
            let find = Find::by(&Index::ID).limit(PAGE).after(after.take());
            let order = find.order();
            let page = self.engine.find(spec, find).await?;
            let Some((_, last)) = page.last() else { break };
            after = Some(Cursor { order, keys: Vec::new(), id: last.id.clone() });
            documents += page.len() as u64;
            written += write_page(spec, &*to.engine, page.into_iter().map(|(_, envelope)| envelope)).await?;
        }
        let there = to.engine.count(spec, Find::by(&Index::ID)).await?;
        Ok(Transferred { collection: D::COLLECTION, documents, written, there })
    }
}

async fn write_page(
    spec: CollectionSpec,
    to: &dyn Engine,
    page: impl Iterator<Item = Envelope>,
) -> Result<u64, StoreError> {
    let page: Vec<_> = page.collect();
    let ids = page.iter().map(|envelope| envelope.id.clone()).collect();
    let there: HashMap<_, _> =
        to.get(spec, ids).await?.into_iter().map(|envelope| (envelope.id.clone(), envelope)).collect();
    let writes = page.into_iter().filter_map(|envelope| needed(spec, envelope, &there).transpose());
    let writes: Vec<_> = writes.collect::<Result<_, _>>()?;
    let count = writes.len() as u64;
    futures::stream::iter(
        writes.into_iter().map(|write| async { to.write(spec, write).await.map_err(store) }),
    )
    .buffer_unordered(WRITERS)
    .try_collect::<()>()
    .await?;
    Ok(count)
}

/// The write that makes the document there the same as this one, if it is not.
fn needed(
    spec: CollectionSpec,
    envelope: Envelope,
    there: &HashMap<String, Envelope>,
) -> Result<Option<Write>, StoreError> {
    let keys = Some((spec.keys)(envelope.schema, &envelope.body)?);
    let found = there.get(&envelope.id);
    if found.is_some_and(|found| {
        codec::is_same(&found.body, &envelope.body)
            && found.schema == envelope.schema
            && found.outbox == envelope.outbox
    }) {
        return Ok(None);
    }
    if let Some(found) = found.filter(|found| found.version > envelope.version) {
        let text = format!("{}/{} was changed in the new store since it was copied", spec.name, found.id);
        return Err(StoreError::Engine(text.into()));
    }
    let version = found.map_or(envelope.version, |found| found.version + 1);
    let envelope = Arc::new(Envelope { version, keys, writes: Vec::new(), ..envelope });
    Ok(Some(if found.is_none() { Write::Insert(envelope) } else { Write::Replace(envelope) }))
}

fn store(failure: WriteFailure) -> StoreError {
    match failure {
        WriteFailure::Store(error) | WriteFailure::Unknown(error) => error,
        WriteFailure::Stale => StoreError::Engine("somebody writes to the new store meanwhile".into()),
    }
}
