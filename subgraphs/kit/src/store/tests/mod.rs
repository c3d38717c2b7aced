//! The store's promises, as one suite that every engine passes: its cases take a way to make fresh databases.

mod coalescing;
mod crash;
mod documents;
pub(super) mod faults;
mod finding;
pub(crate) mod lab;
mod model;
mod outbox;
mod schema;
mod throughput;
mod transfer;
mod unique;

use lab::{Database, MemoryDisk, MongoDatabase, SqliteFile};

/// A case that waits for what never comes fails after this; it is many times what the slowest takes.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(120);

/// The suite for one engine: `$database` makes a fresh, empty database.
macro_rules! conformance {
    ($engine:ident, $database:expr, $($more:tt)*) => {
        mod $engine {
            use super::*;

            conformance!(@cases $database;
                documents: [
                    reads_back_what_was_inserted,
                    refuses_a_second_document_with_the_same_id,
                    reads_many_at_once_and_leaves_out_unknown_ids,
                    an_update_is_durable_when_it_answers,
                    removes_once_and_frees_what_was_unique,
                    an_update_of_nothing_is_not_found,
                    answers_on_a_runtime_of_one_thread,
                    a_closed_store_says_so,
                ];
                finding: [
                    walks_in_the_order_of_the_fields_then_the_id,
                    ranges_and_prefixes_bound_the_walk,
                    filters_narrow_the_walk,
                    pages_stay_in_place_while_documents_come_and_go,
                    several_values_find_a_document_by_each_and_walk_it_once,
                    a_document_without_the_field_is_not_in_the_index,
                    refuses_what_is_not_declared,
                    numbers_come_before_texts,
                    walks_the_ids_themselves,
                    counts_what_it_would_find,
                    an_update_moves_the_document_in_every_index,
                ];
                unique: [
                    a_conflict_names_the_field,
                    of_two_who_race_for_a_value_exactly_one_wins,
                    absent_values_do_not_conflict,
                    a_value_is_free_again_after_an_update,
                    in_a_coalesced_write_only_the_guilty_change_is_refused,
                ];
                coalescing: [
                    increments_from_many_tasks_lose_nothing,
                    increments_from_two_processes_lose_nothing,
                    a_busy_process_lets_another_in,
                    waiting_changes_share_writes,
                    a_refusing_rule_leaves_the_others,
                    rules_see_what_those_before_them_made,
                    a_rule_that_changes_nothing_writes_nothing,
                    a_panicking_rule_harms_nobody_else,
                    callers_that_go_away_hold_up_nobody,
                    too_many_waiting_changes_are_told_so,
                ];
                faults: [
                    an_insert_whose_answer_was_lost_is_not_done_twice,
                    an_update_whose_answer_was_lost_is_not_done_twice,
                    a_lost_write_is_made_again,
                    a_removal_whose_answer_was_lost_is_a_removal,
                    a_stale_write_is_tried_again_on_what_is_there,
                    a_refusal_from_what_was_held_is_looked_at_again,
                    an_engine_that_never_answers_is_reported,
                    events_of_a_write_that_was_reported_lost_are_delivered,
                    endless_contention_is_reported,
                ];
                outbox: [
                    delivers_in_order_to_every_sink_and_clears,
                    delivers_after_a_crash_what_was_left,
                    delivers_what_another_process_left,
                    a_failing_sink_gets_everything_when_it_recovers,
                    one_event_that_cannot_be_taken_does_not_hold_up_others,
                    delivers_each_event_once_when_nothing_fails,
                    clearing_rides_along_with_changes,
                    a_document_is_removed_only_when_its_events_are_out,
                    a_rule_sees_the_events_that_are_pending,
                    a_lost_clearing_is_made_up_for,
                    an_insert_whose_caller_goes_away_is_delivered,
                    more_documents_than_are_remembered_are_all_delivered,
                    a_sink_added_first_hears_first,
                    closing_delivers_what_it_can,
                    an_outbox_that_nobody_empties_is_bounded,
                ];
                schema: [
                    older_documents_are_brought_up_when_read,
                    older_documents_are_written_as_new_with_the_next_change,
                    newer_documents_are_refused,
                    a_newer_collection_is_refused,
                    a_new_index_is_filled_and_an_old_one_dropped,
                    a_raised_schema_renews_the_keys,
                    a_new_unique_index_refuses_documents_that_conflict,
                ];
                transfer: [
                    a_transfer_makes_the_other_store_the_same,
                    a_transfer_overwrites_nothing_that_was_changed_in_the_other_store,
                    what_was_not_delivered_is_delivered_by_the_other_store,
                ];
                model: [agrees_with_a_map];
                throughput: [a_lone_writer_commits_each_write];
                $($more)*
            );
        }
    };
    (@cases $database:expr; $($file:ident: [$($name:ident),* $(,)?]);* $(;)?) => {
        $(mod $file {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                use super::*;
                let case = super::super::$file::$name($database);
                tokio::time::timeout(PATIENCE, case).await.expect("what is waited for comes");
            })*
        })*
    };
}

conformance!(sqlite, || Box::new(SqliteFile::fresh()) as Box<dyn Database>,
    crash: [no_answered_write_is_lost_when_the_process_is_killed];);
conformance!(mongo, || Box::new(MongoDatabase::fresh()) as Box<dyn Database>,
    crash: [no_answered_write_is_lost_when_the_process_is_killed];);
// A process's memory ends with it.
conformance!(memory, || Box::new(MemoryDisk::fresh()) as Box<dyn Database>,);
