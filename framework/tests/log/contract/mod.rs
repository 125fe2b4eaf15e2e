//! The clauses, by chapter. They see nothing but the port.

pub mod admin;
pub mod cleanup;
pub mod clients;
pub mod groups;
pub mod reading;
pub mod transactions;

/// Hands every clause that any log can be held to, by chapter, to a macro.
macro_rules! clauses_of_any_log {
    ($run:ident) => {
        $run! {
            reading {
                messages_come_back_in_order_with_all_they_carried,
                key_goes_to_the_partition_java_computes,
                messages_without_key_go_somewhere_and_arrive,
                unknown_topic_and_partition_are_refused,
                message_larger_than_the_topic_allows_is_refused,
                compacted_topic_refuses_a_message_without_key,
                budget_limits_a_fetch_and_break_stops_it,
                position_outside_of_the_log_follows_the_reset_policy,
                reading_starts_where_it_is_told,
                lag_counts_to_the_end_of_the_last_fetch,
                full_queue_is_an_answer,
                topic_may_stamp_messages_itself,
            }
            transactions {
                messages_appear_with_the_commit,
                aborted_messages_are_skipped,
                readers_stop_at_the_oldest_open_transaction,
                marker_takes_an_offset_and_the_position_passes_it,
                newer_producer_fences_the_older_and_aborts_its_transaction,
                late_transaction_is_aborted_and_its_producer_fenced,
                offsets_become_visible_with_the_transaction,
                offsets_of_an_aborted_transaction_are_dropped,
                offsets_of_a_removed_member_are_refused,
                transaction_without_content_commits,
                sending_outside_of_a_transaction_is_refused,
                commit_flushes_what_is_queued,
                transaction_that_is_being_committed_is_not_aborted,
            }
            groups {
                only_member_gets_everything,
                second_member_takes_half_after_it_was_given_back,
                partitions_of_a_leaving_member_go_to_the_rest,
                equal_partition_numbers_stay_together,
                new_topic_is_assigned_to_those_who_subscribe_to_it,
                committed_offsets_and_their_text_are_kept,
                stranger_cannot_commit_for_a_group_with_members,
                reading_as_a_group_continues_where_it_was_committed,
            }
            cleanup {
                deleted_records_are_gone_for_every_reader,
            }
            admin {
                creating_a_topic_twice_says_so,
                impossible_topics_are_refused,
                configuration_is_described_with_defaults,
                deleted_topic_is_gone_with_its_messages,
                pattern_resolves_to_the_topics_that_match_as_a_whole,
                offset_of_a_timestamp_is_the_first_message_not_before_it,
                group_is_described_altered_and_deleted,
            }
            clients {
                blocking_clients_send_and_read,
                subscribers_share_a_topic_and_miss_nothing,
            }
        }
    };
}

/// Hands over those in which time is moved, or which speak of an embedded log.
#[allow(unused_macros, reason = "on a real broker they cannot be asked")]
macro_rules! clauses_of_embedded_logs {
    ($run:ident) => {
        $run! {
            groups {
                dropped_member_is_removed_after_its_session_timeout,
                member_that_is_not_polled_loses_its_partitions_and_joins_again,
                commit_of_a_removed_member_is_refused,
            }
            cleanup {
                compaction_keeps_the_newest_message_of_each_key,
                compaction_drops_aborted_messages_and_keeps_offsets,
                tombstone_stays_for_a_while_and_then_goes,
                young_messages_are_not_compacted,
                old_messages_are_deleted,
                partition_larger_than_its_limit_loses_the_oldest,
            }
        }
    };
}

pub(crate) use clauses_of_any_log;
#[allow(unused_imports, reason = "on a real broker they cannot be asked")]
pub(crate) use clauses_of_embedded_logs;
