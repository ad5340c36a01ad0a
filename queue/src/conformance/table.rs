//! The table of contents: every behaviour, by noun.

/// Makes one `#[tokio::test]` of each behaviour every store must show. The argument names an async function in scope
/// that makes a [`Bed`](crate::conformance::Bed) with an empty store; the calling crate depends on tokio. With a second
/// argument `together`, the behaviours of one noun are one test: where a bed is dear (a cluster) and tests are processes.
#[macro_export]
macro_rules! conformance {
    ($bed:ident $(, $together:ident)?) => {
        $crate::conformance_plain!($bed $(, $together)?);
        $crate::conformance_recorded!($bed $(, $together)?);
    };
}

/// As [`conformance!`](crate::conformance!), what stores without [`lists_every_job`](crate::Capabilities) show, too.
#[macro_export]
macro_rules! conformance_plain {
    ($bed:ident $(, $together:ident)?) => {
        $crate::__behaviours! { $bed $(, $together)?; enqueue, [
            an_enqueued_job_is_stored_as_it_was_given,
            the_same_id_twice_in_one_call_stores_one_job,
            the_id_of_an_ended_job_is_still_known,
            nothing_enqueued_is_nothing_stored,
            a_payload_above_the_limit_is_refused_before_anything_is_stored,
            a_name_above_the_limit_or_empty_is_refused,
            a_group_that_was_never_opened_is_refused,
            names_of_any_kind_are_kept_apart,
            a_call_of_many_answers_in_order,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; order, [
            jobs_of_one_priority_are_first_in_first_out,
            single_claims_keep_the_order_of_a_large_one,
            the_four_priorities_are_served_strictly,
            a_job_that_waited_long_enough_counts_as_more_urgent,
            before_its_aging_a_job_waits,
            with_aging_the_lowest_does_not_starve_under_a_flood,
            weights_share_claims_among_priorities,
            weighted_claims_are_first_in_first_out_inside_a_priority,
            a_weight_of_zero_waits_for_the_others,
            a_retried_job_is_behind_those_due_before,
            a_handed_back_job_keeps_its_place,
            queues_do_not_see_each_other,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; delay, [
            a_delayed_job_is_never_early_by_a_millisecond,
            a_claim_says_when_to_look_again,
            an_empty_queue_says_nothing_about_when_to_look_again,
            promotion_makes_due_jobs_available_and_names_the_next,
            promotion_respects_its_limit_and_says_that_more_is_due,
            due_jobs_are_claimed_without_a_promotion_in_between,
            a_due_job_takes_the_place_of_its_priority,
            ten_thousand_due_at_once_do_not_stall_a_claim,
            a_claim_that_left_due_jobs_behind_asks_to_look_again_at_once,
            a_retry_is_never_early,
            a_part_of_a_millisecond_is_rounded_up,
            a_time_far_in_the_future_is_kept,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; lease, [
            a_claimed_job_is_not_claimed_twice,
            concurrent_claims_share_the_jobs_without_overlap,
            a_claim_gives_at_most_what_was_asked_for,
            a_claim_above_the_maximum_is_capped,
            the_fence_grows_with_every_lease,
            a_renewal_moves_the_end_of_the_lease,
            renewals_answer_each_lease_in_order,
            a_lease_nobody_ever_had_cannot_be_renewed,
            a_lost_lease_cannot_be_renewed_or_settled,
            an_ended_lease_that_nobody_took_back_still_counts,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; settle, [
            a_retried_job_waits_and_burns_an_attempt,
            a_retry_without_delay_is_available_at_once,
            a_snoozed_job_waits_and_burns_no_attempt,
            a_discarded_job_goes_to_the_dead_set,
            a_handler_can_cancel_its_job,
            a_handed_back_job_is_untouched,
            errors_are_counted_one_by_one,
            a_settlement_of_a_retried_job_under_the_old_lease_is_refused,
            follow_ons_are_stored_with_the_outcome,
            follow_ons_of_a_lost_lease_are_not_stored,
            an_invalid_follow_on_discards_its_job_alone,
            a_turn_settles_and_claims,
            a_turn_of_a_stranger_changes_nothing_for_its_claim,
            a_long_error_is_kept_whole,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; unique, [
            a_second_request_is_ignored_while_the_first_waits_or_runs,
            two_requests_in_one_call_conflict,
            keys_are_compared_within_the_kind,
            different_keys_do_not_conflict,
            jobs_without_a_key_are_free,
            every_way_to_end_frees_the_key,
            an_expired_holder_does_not_stand_for_a_request,
            a_key_held_until_started_is_free_from_the_first_start,
            a_key_held_for_a_time_outlives_the_run_but_not_the_time,
            a_key_whose_time_is_over_is_free_while_its_job_still_waits,
            a_pruned_job_keeps_no_key,
            replacement_puts_the_request_in_the_place_of_a_waiting_holder,
            replacement_at_once_keeps_the_place_in_the_line,
            a_replaced_holder_that_waits_for_a_retry_may_expire_again,
            replacement_pulls_a_later_holder_forward,
            replacement_leaves_a_running_or_ended_holder_alone,
            the_holder_decides_how_long_and_the_request_what_happens,
            a_replayed_job_takes_its_key_again,
            a_replay_leaves_a_job_alone_whose_key_another_holds,
            a_follow_on_may_take_the_key_of_the_job_that_ends,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; coalesce, [
            a_waiting_holder_stands_for_the_request,
            requests_during_a_run_cause_exactly_one_further_run_of_the_last,
            the_further_run_can_cause_another,
            the_request_waits_until_the_holder_is_settled_for_good,
            however_the_holder_ends_the_further_run_comes,
            a_crash_keeps_the_request,
            the_further_run_keeps_its_own_time_and_holds_the_key,
            the_same_request_twice_is_one_further_run,
            a_key_held_for_a_time_passes_to_the_further_run,
            the_further_run_joins_the_group_of_its_request,
            a_job_may_ask_for_its_own_further_run,
            a_storm_of_requests_runs_at_most_twice,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; group, [
            a_group_counts_its_members,
            cancelled_expired_and_quarantined_members_are_counted,
            opening_twice_changes_nothing,
            jobs_may_join_an_open_group,
            enqueueing_a_member_twice_counts_it_once,
            tallies_add_up_exactly_once,
            a_tally_counts_with_every_outcome,
            a_tally_without_a_group_is_ignored,
            a_tally_does_not_overflow,
            a_replayed_member_is_counted_as_what_it_becomes,
            an_unknown_parent_is_refused,
            a_parent_that_is_done_is_refused,
            an_invalid_member_or_follow_up_refuses_the_group,
            groups_are_listed_last_opened_first,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; group_end, [
            the_follow_up_runs_once_after_the_last_member,
            a_retried_member_holds_the_group_open,
            an_empty_sealed_group_is_done_at_once,
            an_unsealed_group_waits_for_its_seal,
            sealing_before_the_members_end_waits_for_them,
            sealing_an_unknown_group_changes_nothing,
            a_member_adds_members_before_it_ends,
            a_job_that_joins_a_done_group_does_not_reopen_it,
            a_parent_waits_for_its_child_groups,
            a_parent_waits_for_the_follow_up_of_its_child,
            a_chain_of_empty_groups_ends_from_the_inside,
            two_members_that_end_in_one_call_end_the_group_once,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; cron, [
            a_slot_fires_exactly_once,
            an_earlier_slot_does_not_fire_any_more,
            many_schedulers_fire_each_slot_once,
            entries_do_not_disturb_each_other,
            a_slot_without_jobs_only_moves_the_cursor,
            an_invalid_job_does_not_use_up_the_slot,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; rescue, [
            nothing_is_taken_from_a_worker_that_lives,
            a_dead_worker_is_named_once_and_listed_no_more,
            a_silent_worker_is_dead_when_patience_ends,
            a_worker_found_dead_must_check_in_again,
            an_ended_lease_is_taken_back_as_a_crash,
            the_last_allowed_crash_quarantines,
            crashes_and_errors_are_counted_apart,
            a_goodbye_gives_jobs_back_without_a_crash,
            a_goodbye_before_the_lease_ended_is_no_crash_even_if_noticed_late,
            a_worker_that_checked_out_gets_nothing_until_it_is_back,
            checking_out_a_stranger_or_twice_changes_nothing,
            a_rescued_job_keeps_its_place,
            a_job_asked_to_stop_does_not_come_back_after_a_crash,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; dead_set, [
            a_replayed_job_starts_from_zero,
            a_replay_takes_only_what_its_filter_names,
            a_replay_may_edit_on_the_way,
            an_edit_that_makes_an_invalid_job_is_refused,
            a_replay_spreads_jobs_by_its_rate,
            a_replay_respects_its_limit_longest_finished_first,
            a_replay_without_matches_changes_nothing,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; cancel, [
            a_retryable_job_is_cancelled_at_once,
            a_job_asked_to_stop_does_not_run_again,
            asking_twice_counts_once,
            a_replayed_job_is_no_longer_asked_to_stop,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; pause, [
            a_paused_queue_gives_nothing_until_it_is_resumed,
            running_jobs_go_on_while_their_queue_is_paused,
            other_queues_go_on,
            a_claim_on_a_paused_queue_does_not_ask_to_look_again,
            due_jobs_of_a_paused_queue_become_available,
            pausing_and_resuming_twice_is_once,
            a_queue_can_be_paused_before_its_first_job,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; expire, [
            a_job_not_started_in_time_is_cancelled,
            a_claim_never_gives_an_expired_job,
            a_scheduled_job_can_expire_before_it_is_due,
            a_job_enqueued_too_late_never_runs,
            a_started_job_does_not_expire,
            the_end_of_an_expired_member_ends_its_group,
            a_flood_of_expired_jobs_does_not_stall_what_is_still_wanted,
            promotion_counts_expired_jobs_against_its_limit,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; retention, [
            a_group_keeps_its_counts_when_members_are_pruned,
            a_done_group_goes_after_its_jobs,
            an_open_group_is_never_pruned,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; leadership, [
            there_is_one_leader_at_a_time,
            a_leader_that_keeps_it_keeps_its_token,
            a_leadership_that_ran_out_can_be_taken_under_a_greater_token,
            a_resigned_leadership_is_free_at_once,
            only_the_leader_can_resign,
            roles_are_independent,
            of_many_candidates_one_wins,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; locks, [
            held_keys_are_listed_with_their_holders,
            locks_are_narrowed_by_text,
            leaders_are_listed_until_their_time_is_over,
            a_key_nobody_holds_is_not_released,
            a_key_is_not_released_while_its_holder_waits_or_runs_unless_forced,
            a_key_that_outlives_its_job_can_be_released,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; kinds, [
            an_unknown_kind_is_left_alone_and_visible,
            a_newer_version_waits_for_a_newer_worker,
            a_worker_of_no_kinds_gets_nothing,
            known_kinds_share_one_line,
            many_unknown_jobs_in_front_do_not_hide_the_known,
            a_version_of_zero_is_known_to_all,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; wake_ups, [
            enqueueing_wakes,
            opening_a_group_with_jobs_wakes,
            firing_wakes,
            promoting_wakes,
            handing_back_and_retrying_at_once_wake,
            resuming_wakes,
            rescuing_wakes,
            replaying_wakes,
            follow_ons_and_follow_ups_wake,
            a_late_subscriber_still_hears_the_next,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; inspection, [
            a_job_nobody_stored_is_not_found,
            workers_show_when_they_came_and_what_they_hold,
            a_new_store_is_empty,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; volume, [
            nothing_is_lost_whatever_the_outcomes,
            producers_and_workers_at_the_same_time_lose_and_double_nothing,
            two_thousand_members_end_their_group_once,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; bad_line, [
            what_is_enqueued_over_a_bad_line_is_stored_once,
            settlements_over_a_bad_line_count_once,
            slots_over_a_bad_line_fire_once,
            requests_over_a_bad_line_cause_one_further_run,
            there_is_one_leader_over_bad_lines,
            a_delivery_over_a_bad_line_loses_and_doubles_nothing,
        ] }
    };
}

/// As [`conformance`], what stores show that keep payloads byte by byte as they are given (not under a seal).
#[macro_export]
macro_rules! conformance_bytes {
    ($bed:ident $(, $together:ident)?) => {
        $crate::__behaviours! { $bed $(, $together)?; bytes, [
            a_replayed_job_no_longer_counts_against_the_retention,
            dead_jobs_have_their_own_bytes_and_errors_count,
            finished_jobs_are_kept_by_bytes_oldest_go_first,
            finished_jobs_are_kept_for_their_age,
        ] }
    };
}

/// As [`conformance!`](crate::conformance!), for what outlives the process; the bed can reopen its store.
#[macro_export]
macro_rules! conformance_durable {
    ($bed:ident $(, $together:ident)?) => {
        $crate::__behaviours! { $bed $(, $together)?; durable, [
            reopening_keeps_everything,
            a_lease_outlives_the_store,
            unique_keys_and_kept_requests_outlive_the_store,
            a_request_to_stop_outlives_the_store,
            a_follow_up_outlives_the_store,
            the_order_outlives_the_store,
            leadership_and_pauses_outlive_the_store,
            a_replay_works_on_what_another_run_buried,
        ] }
    };
}

/// As [`conformance!`](crate::conformance!), for several handles on the same data; the bed can make another handle.
#[macro_export]
macro_rules! conformance_shared {
    ($bed:ident $(, $together:ident)?) => {
        $crate::conformance_plain_shared!($bed $(, $together)?);
        $crate::conformance_recorded_shared!($bed $(, $together)?);
    };
}

/// As [`conformance_shared!`](crate::conformance_shared!), what stores without [`lists_every_job`](crate::Capabilities) show, too.
#[macro_export]
macro_rules! conformance_plain_shared {
    ($bed:ident $(, $together:ident)?) => {
        $crate::__behaviours! { $bed $(, $together)?; shared, [
            handles_never_claim_the_same_job,
            handles_agree_on_slots_leaders_and_pauses,
        ] }
    };
}

/// As [`conformance!`](crate::conformance!), for stores that share a queue between fairness keys.
#[macro_export]
macro_rules! conformance_fair {
    ($bed:ident $(, $together:ident)?) => {
        $crate::conformance_plain_fair!($bed $(, $together)?);
        $crate::conformance_recorded_fair!($bed $(, $together)?);
    };
}

/// As [`conformance_fair!`](crate::conformance_fair!), what stores without [`lists_every_job`](crate::Capabilities) show, too.
#[macro_export]
macro_rules! conformance_plain_fair {
    ($bed:ident $(, $together:ident)?) => {
        $crate::__behaviours! { $bed $(, $together)?; fair, [
            keys_take_turns_inside_a_priority,
            single_claims_keep_the_turns_of_a_large_one,
            one_key_alone_is_first_in_first_out,
            a_key_is_served_by_due_time_then_arrival,
            keys_are_ordered_by_their_bytes,
            keys_of_any_characters_are_kept_apart,
            a_flood_of_one_key_does_not_delay_another,
            a_key_that_comes_later_is_not_owed_the_past,
            a_key_that_ran_dry_is_not_owed_the_time_without_work,
            no_key_gets_ahead_by_many_small_claims,
            the_more_urgent_priority_still_goes_first,
            each_priority_has_its_own_turns,
            each_queue_has_its_own_turns,
            a_key_of_unknown_kinds_is_passed_over,
            the_kinds_of_a_key_share_its_turns,
            a_job_that_comes_back_is_again_of_its_key,
            a_rescued_job_is_again_of_its_key,
            a_key_whose_jobs_were_cancelled_is_forgotten,
            a_key_whose_jobs_expired_is_forgotten,
            an_expired_job_takes_no_turn,
            a_replacement_keeps_the_key_and_its_turn,
            weighted_claims_take_turns_inside_a_priority,
            five_hundred_keys_are_all_served_once_in_one_claim,
            a_paused_queue_keeps_its_turns,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; limits, [
            a_key_runs_no_more_jobs_at_once_than_its_limit,
            each_key_has_the_limit_of_its_own,
            jobs_without_a_key_are_not_limited,
            the_limit_counts_over_all_workers,
            the_limit_counts_over_all_priorities_and_kinds,
            a_limit_holds_in_its_queue_only,
            every_way_to_let_go_of_a_job_gives_its_slot_back,
            a_job_that_waits_again_needs_a_slot_again,
            a_turn_gives_back_a_slot_before_it_claims,
            a_killed_worker_leaks_no_slot,
            an_ended_lease_holds_its_slot_until_it_is_taken_back,
            a_settlement_under_a_lost_lease_frees_no_slot,
            a_lower_limit_lets_running_jobs_go_on,
            what_runs_when_a_limit_is_set_counts,
            a_rate_lets_a_burst_through_and_then_one_at_a_time,
            an_idle_key_has_its_full_burst_again,
            a_claim_says_when_a_key_held_back_by_its_rate_may_go_on,
            a_rate_of_parts_of_a_millisecond_is_never_early,
            a_key_without_work_asks_nobody_to_look_again,
            every_lease_counts_against_the_rate,
            both_limits_hold_together,
            jobs_held_back_keep_their_places,
            a_key_that_was_held_back_is_next,
            jobs_held_back_make_no_priority_more_urgent,
            limits_are_shown_and_can_be_lifted,
            a_queue_can_be_limited_before_its_first_job,
            lifting_the_limits_of_an_unknown_queue_changes_nothing,
            the_same_limits_again_change_nothing,
            another_rate_starts_afresh,
            a_rate_out_of_bounds_is_refused,
            a_freed_slot_and_lifted_limits_wake,
        ] }
    };
}

/// As [`conformance_fair!`](crate::conformance_fair!), for what outlives the process.
#[macro_export]
macro_rules! conformance_fair_durable {
    ($bed:ident $(, $together:ident)?) => {
        $crate::__behaviours! { $bed $(, $together)?; limits as limits_durable, [
            turns_and_limits_outlive_the_store,
        ] }
    };
}

/// As [`conformance!`](crate::conformance!), for stores that adopt jobs ([`Store::adopt`](crate::Store::adopt)).
#[macro_export]
macro_rules! conformance_adopts {
    ($bed:ident $(, $together:ident)?) => {
        $crate::__behaviours! { $bed $(, $together)?; adopt, [
            an_adopted_job_is_as_it_was,
            an_adopted_job_takes_its_place_by_when_it_was_due,
            a_running_job_is_adopted_under_its_lease,
            an_adopted_lease_that_ends_is_a_crash,
            an_adopted_job_whose_worker_nobody_knows_had_a_crash,
            an_id_that_is_there_is_not_adopted_again,
            fences_grow_beyond_adopted_ones,
            what_only_the_store_can_give_is_not_adopted,
            a_running_job_with_a_fence_from_elsewhere_is_not_adopted,
            at_most_five_hundred_are_adopted_at_once,
            adopting_wakes,
        ] }
    };
}

/// One module of tests.
#[doc(hidden)]
#[macro_export]
macro_rules! __behaviours {
    ($bed:ident $(, $together:ident)?; $noun:ident, [$($behaviour:ident),* $(,)?]) => {
        $crate::__behaviours! { $bed $(, $together)?; $noun as $noun, [$($behaviour),*] }
    };
    ($bed:ident; $noun:ident as $module:ident, [$($behaviour:ident),* $(,)?]) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $behaviour() {
                    let lab = $crate::conformance::Lab::new(super::$bed().await).await;
                    $crate::conformance::$noun::$behaviour(lab).await;
                }
            )*
        }
    };
    ($bed:ident, together; $noun:ident as $module:ident, [$($behaviour:ident),* $(,)?]) => {
        #[tokio::test]
        async fn $module() {
            $(
                eprintln!("{}", stringify!($behaviour));
                let lab = $crate::conformance::Lab::new($bed().await).await;
                $crate::conformance::$noun::$behaviour(lab).await;
            )*
        }
    };
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    #[test]
    fn every_behaviour_is_in_the_table() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/conformance");
        let read = |name| fs::read_to_string(folder.join(name)).unwrap();
        let table = read("table.rs") + &read("recorded_table.rs");
        let mut behaviours = 0;
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let Ok(text) = fs::read_to_string(&path) else { continue };
            for line in text.lines().filter(|line| line.contains("lab: Lab)")) {
                let Some(name) = line.strip_prefix("pub async fn ").and_then(|line| line.split('(').next())
                else {
                    continue;
                };
                assert!(table.contains(&format!(" {name},\n")), "{name} of {} never runs", path.display());
                behaviours += 1;
            }
        }
        assert!(behaviours > 150, "only {behaviours} found");
    }
}
