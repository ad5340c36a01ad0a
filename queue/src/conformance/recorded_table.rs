//! The behaviours that only stores show that record every job ([`lists_every_job`](crate::Capabilities)).

/// The rest of [`conformance!`](crate::conformance!).
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_recorded {
    ($bed:ident $(, $together:ident)?) => {
        $crate::__behaviours! { $bed $(, $together)?; bad_line as bad_line_recorded, [
            lost_claims_count_as_crashes_and_never_as_errors,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; cancel as cancel_recorded, [
            a_call_cancels_at_most_five_hundred,
            a_filter_says_which,
            a_job_asked_to_stop_may_still_end_by_itself,
            a_waiting_job_is_cancelled_at_once,
            ended_jobs_are_left_alone,
            the_worker_of_a_running_job_is_asked_to_stop,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; cron as cron_recorded, [
            a_job_of_a_slot_keeps_its_id,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; dead_set as dead_set_recorded, [
            a_replay_of_many_goes_in_pieces_of_at_most_five_hundred,
            dead_quarantined_and_cancelled_jobs_can_be_replayed_and_no_others,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; enqueue as enqueue_recorded, [
            an_empty_payload_and_the_largest_are_stored,
            the_same_id_twice_stores_one_job,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; group as group_recorded, [
            only_stored_requests_are_members,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; group_end as group_end_recorded, [
            a_follow_up_id_that_is_taken_is_not_stored_twice,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; inspection as inspection_recorded, [
            a_page_is_capped,
            a_queue_is_remembered_when_its_jobs_are_gone,
            a_queue_shows_how_long_its_oldest_job_waits,
            filters_narrow_the_listing,
            jobs_are_listed_last_stored_first_page_by_page,
            queues_count_their_jobs_by_state,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; lease as lease_recorded, [
            a_lease_shows_what_the_job_is,
            a_worker_that_has_not_checked_in_is_refused,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; order as order_recorded, [
            a_time_in_the_past_does_not_jump_the_line,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; rescue as rescue_recorded, [
            a_rescue_respects_its_limit_and_leaves_nothing_behind,
            the_jobs_of_a_killed_worker_run_again,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; retention as retention_recorded, [
            dead_jobs_have_their_own_age,
            pruning_goes_in_pieces_of_at_most_five_hundred,
            pruning_respects_its_limit_and_says_that_there_is_more,
            the_fence_of_a_pruned_job_does_not_come_again,
            the_id_of_a_pruned_job_is_free,
            unfinished_jobs_are_never_pruned,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; settle as settle_recorded, [
            a_completed_job_is_done,
            a_second_settlement_of_the_same_lease_is_refused,
            settlements_answer_in_order_and_one_lost_lease_spoils_nothing,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; volume as volume_recorded, [
            five_thousand_jobs_in_one_call_all_arrive_in_order,
        ] }
    };
}

/// The rest of [`conformance_shared!`](crate::conformance_shared!).
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_recorded_shared {
    ($bed:ident $(, $together:ident)?) => {
        $crate::__behaviours! { $bed $(, $together)?; shared as shared_recorded, [
            a_job_stored_through_one_handle_wakes_the_other,
            what_one_handle_stores_another_claims_and_settles,
        ] }
    };
}

/// The rest of [`conformance_fair!`](crate::conformance_fair!).
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_recorded_fair {
    ($bed:ident $(, $together:ident)?) => {
        $crate::__behaviours! { $bed $(, $together)?; fair as fair_recorded, [
            an_empty_key_is_none,
            jobs_without_a_key_have_one_share_of_their_own,
            the_oldest_job_of_a_priority_decides_its_age,
        ] }
        $crate::__behaviours! { $bed $(, $together)?; limits as limits_recorded, [
            a_key_held_back_does_not_hold_up_others,
            a_long_backlog_of_a_key_held_back_hides_nothing,
        ] }
    };
}
