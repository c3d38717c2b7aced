//! Relay connections: forward pages of at most 100, with cursors that stay where they are and a total that is counted only when asked.
//!
//! A service makes a connection type of its own with [`connection!`](crate::connection), so that its schema names and describes it.

use async_graphql::{InputValueError, SimpleObject};

use crate::{
    Error, Result,
    store::{Cursor, Find},
};

/// The largest page of a connection.
pub const MAX_PAGE: i32 = 100;
/// The page where nothing is said.
pub const DEFAULT_PAGE: i32 = 20;
/// The largest bare list.
pub const MAX_LIST: i32 = 250;
/// A bare list where nothing is said.
pub const DEFAULT_LIST: i32 = 100;

/// Where a page stands in its list.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(shareable)]
pub struct PageInfo {
    /// Whether there are items after this page: ask again with `after` set to `endCursor`.
    pub has_next_page: bool,
    /// Whether there are items before this page, as far as that is known: true when `after` was given.
    pub has_previous_page: bool,
    /// The cursor of the first item of this page; null on an empty page.
    pub start_cursor: Option<String>,
    /// The cursor of the last item of this page; null on an empty page.
    pub end_cursor: Option<String>,
}

/// What a client asks of a connection, checked.
#[derive(Debug, Clone)]
pub struct PageRequest {
    first: usize,
    after: Option<Cursor>,
}

impl PageRequest {
    /// Checks `first` (1 to 100, 20 where absent) and `after`.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` naming the argument.
    pub fn new(first: Option<i32>, after: Option<&str>) -> Result<Self> {
        let first = checked("first", first, DEFAULT_PAGE, MAX_PAGE)?;
        let after = after.map(Cursor::parse).transpose();
        let after = after.map_err(|error| Error::bad_input("after", error.to_string()))?;
        Ok(Self { first, after })
    }

    /// Puts the page into a find, whose order the cursor must be of.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` when the cursor belongs to another list.
    pub fn apply(self, find: Find) -> Result<Find> {
        if let Some(cursor) = &self.after {
            cursor.check(&find).map_err(|error| Error::bad_input("after", error.to_string()))?;
        }
        Ok(find.after(self.after).limit(self.first))
    }

    /// How many, and after what, for a list that no collection keeps. Whose cursor it is has still to be checked.
    pub(crate) fn into_parts(self) -> (usize, Option<Cursor>) {
        (self.first, self.after)
    }

    /// Whether the page is not the first one.
    #[must_use]
    pub const fn is_continued(&self) -> bool {
        self.after.is_some()
    }
}

/// The checked length of one of the contract's bare lists: 1 to 250, 100 where absent.
///
/// # Errors
/// `BAD_USER_INPUT` naming the argument `first`.
pub fn list_limit(first: Option<i32>) -> Result<usize> {
    checked("first", first, DEFAULT_LIST, MAX_LIST)
}

fn checked(field: &str, asked: Option<i32>, default: i32, max: i32) -> Result<usize> {
    let count = asked.unwrap_or(default);
    if !(1..=max).contains(&count) {
        return Err(Error::bad_input(field, format!("must be between 1 and {max}.")));
    }
    usize::try_from(count).map_err(|_| Error::bad_input(field, "must be positive."))
}

/// Turns an amount error into a GraphQL one; for use in input types.
pub fn amount_error<T: async_graphql::InputType>(error: crate::money::AmountError) -> InputValueError<T> {
    InputValueError::custom(error)
}

/// Makes the connection and edge types of a node type for GraphQL.
///
/// `connection!(ProductConnection, ProductEdge, Product, "products", |find| total)`: see the catalog for its use. `total` is
/// called only when the client asks for `totalCount`.
#[macro_export]
macro_rules! connection {
    ($(#[$meta:meta])* $connection:ident, $edge:ident, $node:ty, $what:literal, $counted:ty) => {
        #[doc = concat!("One of the ", $what, " and its place in the list.")]
        #[derive(async_graphql::SimpleObject)]
        pub struct $edge {
            /// The place of this item: give it as `after` to go on from here.
            pub cursor: String,
            /// The item.
            pub node: $node,
        }

        $(#[$meta])*
        #[doc = concat!("A page of the ", $what, ".")]
        pub struct $connection {
            edges: Vec<$edge>,
            page_info: $crate::page::PageInfo,
            counted: $counted,
        }

        // The schema's description is taken from here, the documentation of the type from above.
        #[doc = concat!("A page of the ", $what, ".")]
        #[async_graphql::Object]
        impl $connection {
            /// The items of this page, each with its cursor.
            async fn edges(&self) -> &[$edge] {
                &self.edges
            }

            /// The items of this page.
            async fn nodes(&self) -> Vec<&$node> {
                self.edges.iter().map(|edge| &edge.node).collect()
            }

            /// Where this page stands in the list.
            async fn page_info(&self) -> &$crate::page::PageInfo {
                &self.page_info
            }

            /// How many items the whole list has. Counted only when asked for; leave it out where it is not shown.
            async fn total_count(&self, ctx: &async_graphql::Context<'_>) -> async_graphql::Result<i32> {
                let total = $crate::page::Counted::count(&self.counted, ctx).await?;
                Ok(i32::try_from(total).unwrap_or(i32::MAX))
            }
        }

        impl $connection {
            /// The connection of what was found.
            pub fn new<D>(
                found: $crate::store::Found<D>,
                continued: bool,
                counted: $counted,
                node: impl Fn(D) -> $node,
            ) -> Self {
                let edges: Vec<_> = found
                    .items
                    .into_iter()
                    .map(|(cursor, document)| $edge { cursor: cursor.to_string(), node: node(document) })
                    .collect();
                let page_info = $crate::page::PageInfo {
                    has_next_page: found.more,
                    has_previous_page: continued,
                    start_cursor: edges.first().map(|edge| edge.cursor.clone()),
                    end_cursor: edges.last().map(|edge| edge.cursor.clone()),
                };
                Self { edges, page_info, counted }
            }
        }
    };
}

/// Knows how long the whole list of a connection is.
pub trait Counted: Send + Sync {
    /// Counts it.
    fn count(&self, ctx: &async_graphql::Context<'_>) -> impl Future<Output = Result<u64>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Code, store::Index};

    #[test]
    fn refuses_pages_that_are_empty_or_too_long() {
        for first in [0, -1, 101, i32::MAX] {
            assert_eq!(PageRequest::new(Some(first), None).unwrap_err().code(), Code::BadUserInput);
        }
        assert!(PageRequest::new(Some(100), None).is_ok());
        assert_eq!(list_limit(None).unwrap(), 100);
        assert!(list_limit(Some(251)).is_err());
    }

    #[test]
    fn refuses_a_cursor_of_another_list() {
        static BY_NAME: Index = Index::on("by_name", &["name"]);
        static BY_PRICE: Index = Index::on("by_price", &["price"]);
        let cursor =
            Cursor { order: Find::by(&BY_NAME).order(), keys: vec!["milk".into()], id: "x".to_owned() };
        let page = PageRequest::new(None, Some(&cursor.to_string())).unwrap();
        assert!(page.clone().apply(Find::by(&BY_NAME)).is_ok());
        assert_eq!(page.clone().apply(Find::by(&BY_PRICE)).unwrap_err().code(), Code::BadUserInput);
        assert_eq!(page.apply(Find::by(&BY_NAME).descending()).unwrap_err().code(), Code::BadUserInput);
    }

    #[test]
    fn refuses_a_cursor_that_is_none() {
        for text in ["", "x", "eyJ9", &"A".repeat(10_000)] {
            assert_eq!(PageRequest::new(None, Some(text)).unwrap_err().code(), Code::BadUserInput);
        }
    }
}
