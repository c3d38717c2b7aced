//! Dead letters as an operator sees them: page by page over groups, and what may be said of a failure outside of the log.

use super::{Bus, BusError, Event};
use crate::{
    Code, Error,
    page::PageRequest,
    store::{Cursor, Found},
};

/// An event that a group could not handle.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// The event.
    pub event: Event,
    /// The group that failed.
    pub group: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last attempt failed, with its causes; for operators, never for clients.
    pub error: String,
    /// When it was given up.
    pub at: chrono::DateTime<chrono::Utc>,
    /// Where it stands among the group's.
    pub(super) place: String,
}

/// The topic of what is no event.
pub(super) const MALFORMED: &str = "malformed";

/// The order of cursors, so that one of another list is refused.
const ORDER: &str = "+dead_letters";

/// What a group's member writes itself, where no handler has failed with an error of ours: nothing of it is secret.
const PLAIN: [&str; 4] = ["the handler took longer", "every attempt was lost", "the entry", "its entry"];

impl DeadLetter {
    /// Why the last attempt failed, as far as it may be shown: a stable code and plain words, without causes, addresses or the text of
    /// a panic, which are in [`DeadLetter::error`] and in the log.
    #[must_use]
    pub fn shown_error(&self) -> (Code, String) {
        let first = self.error.lines().next().unwrap_or_default();
        if let Some((name, message)) = first.split_once(": ")
            && let Some(code) = Code::from_name(name)
        {
            // The cause of a fault of ours follows in brackets; their constant texts have none.
            let shown = if code.is_internal() { message.split(" (").next() } else { Some(message) };
            return (code, shown.unwrap_or_default().to_owned());
        }
        let plain = PLAIN.iter().any(|beginning| first.starts_with(beginning));
        let text = if plain { first } else { "The handler broke down. The log says how." };
        (Code::Internal, text.to_owned())
    }

    /// What it is made of where it is no event but only bytes: names and values, these in base64.
    #[must_use]
    pub fn raw(&self) -> Option<Vec<(&str, &str)>> {
        let fields = self.event.data.get("base64").filter(|_| self.event.topic == MALFORMED)?.as_object()?;
        Some(fields.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))).collect())
    }
}

impl Bus {
    /// The groups that the log knows, in the order of their names: those that somebody has joined and that were not forgotten since.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn groups(&self) -> Result<Vec<String>, BusError> {
        let mut groups = self.engine.groups().await?;
        groups.sort_unstable();
        Ok(groups)
    }

    /// A page of what these groups gave up on: group after group, of each the oldest first. Letters that come or go while somebody turns the
    /// pages move nothing else.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` where the cursor is of another list; `UNAVAILABLE` when the log cannot be read.
    pub async fn dead_letter_page(
        &self,
        groups: &[String],
        page: PageRequest,
    ) -> crate::Result<Found<DeadLetter>> {
        let (first, cursor) = page.into_parts();
        let (mut at, mut after) = match cursor {
            None => (0, String::new()),
            Some(cursor) => position(groups, &cursor)?,
        };
        let mut items = Vec::new();
        while let Some(group) = groups.get(at)
            && items.len() <= first
        {
            let letters = self.engine.dead_letters(group, &after, first + 1 - items.len()).await?;
            items.extend(letters.into_iter().map(|letter| (cursor_of(&letter), letter)));
            (at, after) = (at + 1, String::new());
        }
        let more = items.len() > first;
        items.truncate(first);
        Ok(Found { items, more })
    }

    /// How many events these groups gave up on.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn count_dead_letters(&self, groups: &[String]) -> Result<u64, BusError> {
        let mut total = 0;
        for group in groups {
            total += self.engine.count_dead_letters(group).await?;
        }
        Ok(total)
    }
}

fn cursor_of(letter: &DeadLetter) -> Cursor {
    let id = format!("{}/{}", letter.group, letter.place);
    Cursor { order: ORDER.to_owned(), keys: Vec::new(), id }
}

/// The group to go on with, and the place in it.
fn position(groups: &[String], cursor: &Cursor) -> crate::Result<(usize, String)> {
    let found =
        cursor.id.split_once('/').filter(|_| cursor.order == ORDER).and_then(|(group, place)| {
            Some((groups.iter().position(|known| known == group)?, place.to_owned()))
        });
    found.ok_or_else(|| Error::bad_input("after", crate::store::InvalidCursor.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(error: &str) -> DeadLetter {
        let event = Event::new("thing.happened", "k", chrono::Utc::now(), &1);
        DeadLetter {
            event,
            group: "g".to_owned(),
            attempts: 1,
            error: error.to_owned(),
            at: chrono::Utc::now(),
            place: "1".to_owned(),
        }
    }

    #[test]
    fn shows_no_cause_and_no_panic() {
        let shown = |error| letter(error).shown_error();
        let io = std::io::Error::other("connection to mongodb://user:secret@10.0.0.7 refused");
        let unavailable = format!("{} ({io})", Error::unavailable("The shop", std::io::Error::other("x")));
        assert_eq!(
            shown(&unavailable),
            (
                Code::Unavailable,
                "The shop is not available at the moment. Please try again shortly.".to_owned()
            )
        );
        assert_eq!(shown("CONFLICT: It (the order) has ended.").1, "It (the order) has ended.");
        for secret in
            ["the handler panicked: at 10.0.0.7", "something else: 10.0.0.7", "INTERNAL: Oh. (10.0.0.7)"]
        {
            let (code, text) = shown(secret);
            assert_eq!(code, Code::Internal);
            assert!(!text.contains("10.0.0.7"), "{text}");
        }
        assert_eq!(shown("the entry has no field `id`").1, "the entry has no field `id`");
    }
}
