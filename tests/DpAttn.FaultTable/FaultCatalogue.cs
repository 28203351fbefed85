namespace DpAttn.FaultTable;

/// <summary>Every fault that is planted somewhere in the tests.</summary>
public static class FaultCatalogue
{
    private const string Moments = "PlantedFaultTests.The_product_passes_every_check";
    private const string PerQuery = "PerQueryPlantedFaultTests.The_product_passes_every_check";
    private const string Continual = "ContinualFaultTests.The_product_passes_every_check";
    private const string Audited = "AuditFaultTests.None_of_the_targets_of_the_faults_is_refuted_without_its_fault";
    private const string AuditedAll = "AuditPowerTests.An_honest_mechanism_is_not_refuted_and_the_bound_reaches_four_fifths_of_its_claim";
    private const string Checked = "LoadCheckerTests.What_agrees_passes";
    private const string Untouched = "DetectionTests.A_ledger_that_nobody_touched_is_found_whole_and_goes_on";
    private const string Invariants = "BudgetInvariants.Limits_hold_and_nothing_is_charged_twice_while_the_storage_fails";

    /// <summary>The faults, by area.</summary>
    public static IReadOnlyList<Fault> All { get; } =
    [
        new("noise", "noise 30 % off",
            new("NoiseScaleTests.Released_sums_carry_exactly_their_calibrated_noise"),
            new("PlantedFaultTests.Noise_thirty_percent_off_is_caught", Moments),
            new("PerQueryPlantedFaultTests.Noise_thirty_percent_off_is_caught", PerQuery),
            new("DistanceTreeNoiseTests.Every_part_and_column_has_its_noise"),
            new("SamplerDistributionTests.Every_statistic_is_failed_by_draws_that_are_thirty_per_cent_off", "SamplerDistributionTests.Wide_draws_pass_every_statistic"),
            new("AuditFaultTests.Noise_thirty_percent_too_small_is_refuted", AuditedAll),
            new("AuditFaultTests.Noise_thirty_percent_too_large_shows_in_the_power", AuditedAll)),
        new("noise", "a denominator without noise",
            new("PlantedFaultTests.A_denominator_column_without_noise_is_caught", Moments),
            new("PerQueryPlantedFaultTests.A_denominator_without_noise_is_caught", PerQuery),
            new("DistanceTreeNoiseTests.Every_part_and_column_has_its_noise"),
            new("AuditFaultTests.A_denominator_without_noise_is_refuted", Audited)),
        new("noise", "one column missed",
            new("PlantedFaultTests.One_column_without_noise_is_caught", Moments),
            new("PerQueryPlantedFaultTests.One_column_without_noise_is_caught", PerQuery),
            new("AuditFaultTests.A_column_without_noise_is_refuted", Audited)),
        new("noise", "scalar sums without noise",
            new("DistanceTreeNoiseTests.Every_part_and_column_has_its_noise"),
            new("AuditFaultTests.The_scalar_sums_of_the_distance_tree_without_noise_are_refuted", Audited)),
        new("noise", "a release that is bare now and then", new Catch("AuditFaultTests.A_release_that_is_bare_now_and_then_is_refuted", AuditedAll)),
        new("noise", "tiers that are not nested",
            new("PlantedFaultTests.Tiers_with_independent_noise_are_caught", Moments),
            new("AuditFaultTests.Tiers_that_are_not_nested_are_refuted", Audited)),
        new("noise", "two nodes with one address",
            new("PlantedFaultTests.The_same_noise_for_two_nodes_is_caught", Moments),
            new("ContinualFaultTests.Noise_from_the_key_of_another_node_is_caught", Continual),
            new("AuditFaultTests.Two_nodes_with_one_address_are_refuted", AuditedAll)),
        new("noise", "copies that share one noise, or have none",
            new("AdaptiveQueryTests.With_nine_copies_the_error_is_that_of_the_median_of_independent_copies_and_a_shared_noise_fails_this"),
            new("AuditFaultTests.Noise_on_one_of_three_copies_alone_is_refuted", Audited)),
        new("noise", "fresh noise for every query of one release", new Catch("AdaptiveQueryTests.Asking_again_averages_nothing_away_and_a_build_with_fresh_noise_fails_this")),
        new("noise", "streams that overlap or repeat",
            new("KeystreamCoincidenceTests.A_subkey_that_is_used_twice_is_found", "KeystreamCoincidenceTests.No_block_of_any_two_noise_streams_coincides_over_a_million_addresses"),
            new("KeystreamCoincidenceTests.Streams_that_overlap_are_found", "KeystreamCoincidenceTests.No_block_of_any_two_noise_streams_coincides_over_a_million_addresses")),
        new("noise", "noise redrawn on a retry",
            new("RedrawnNoiseTests.Noise_redrawn_on_a_retry_is_caught", "RedrawnNoiseTests.A_retry_has_the_noise_of_the_first_attempt"),
            new("AuditFaultTests.Noise_redrawn_on_a_retry_is_refuted", Audited)),
        new("noise", "noise redrawn after a resumed publish",
            new("RedrawnNoiseTests.Noise_redrawn_after_a_resumed_publish_is_caught", "RedrawnNoiseTests.A_resumed_publish_has_the_noise_of_the_one_that_stopped"),
            new("ContinualFaultTests.A_key_that_is_drawn_anew_after_a_crash_is_caught", Continual)),
        new("noise", "a stale manifest",
            new("RedrawnNoiseTests.Noise_from_the_key_of_a_stale_manifest_is_caught", "RedrawnNoiseTests.Releases_of_two_manifests_share_no_noise"),
            new("RedrawnNoiseTests.A_stale_manifest_under_a_release_fails_it_before_any_noise", "RedrawnNoiseTests.A_release_of_its_own_manifest_is_published"),
            new("ContinualFaultTests.Noise_from_the_key_of_the_release_alone_is_caught", Continual)),
        new("noise", "noise that is not bound to all of its request", new Catch("PerQueryPlantedFaultTests.Noise_that_is_not_bound_to_all_of_its_request_is_caught", PerQuery)),

        new("sums", "rounding after the sum",
            new("PlantedFaultTests.Rounding_after_the_sum_is_caught", Moments),
            new("PerQueryPlantedFaultTests.Rounding_after_the_sum_is_caught", PerQuery)),
        new("sums", "clip on a copy",
            new("PlantedFaultTests.Clipping_a_copy_that_is_not_used_is_caught", Moments),
            new("PerQueryPlantedFaultTests.A_row_that_is_summed_unclipped_is_caught", PerQuery)),
        new("sums", "weights without their clamp", new Catch("PerQueryPlantedFaultTests.Weights_without_their_clamp_are_caught")),
        new("sums", "gamma rounded to the nearest", new Catch("PerQueryPlantedFaultTests.Gamma_rounded_to_the_nearest_instead_of_upwards_is_caught")),
        new("sums", "a shard's rows counted twice", new Catch("PerQueryPlantedFaultTests.One_shards_rows_counted_twice_are_caught", PerQuery)),
        new("sums", "a node released before its last row", new Catch("ContinualFaultTests.A_node_that_is_released_before_its_last_row_is_caught", Continual)),
        new("sums", "a node released again after more rows", new Catch("ContinualFaultTests.A_node_that_is_released_again_after_more_rows_is_caught", Continual)),
        new("sums", "a public figure that depends on rows",
            new("RecordAndReplayTests.The_check_catches_a_public_figure_that_depends_on_rows", "RecordAndReplayTests.Under_replace_one_only_the_noised_sums_differ_and_by_no_more_than_declared"),
            new("RecordAndReplayTests.The_check_catches_a_figure_that_depends_on_rows", "RecordAndReplayTests.Under_replace_one_only_the_noised_sums_differ_and_by_no_more_than_declared")),

        new("sensitivity", "the add-remove sensitivity under replace-one",
            new("PlantedFaultTests.The_add_remove_sensitivity_under_replace_one_is_caught", Moments),
            new("PerQueryPlantedFaultTests.The_add_remove_sensitivity_under_replace_one_is_caught", PerQuery),
            new("AuditFaultTests.A_row_that_changes_under_an_add_remove_claim_is_refuted", AuditedAll)),
        new("sensitivity", "a batch at the price of one query",
            new("PerQueryPlantedFaultTests.A_batch_with_the_sensitivity_of_one_query_is_caught", PerQuery),
            new("AuditFaultTests.A_batch_that_is_charged_as_one_query_is_refuted", Audited)),
        new("sensitivity", "an unsound accountant", new Catch("AuditFaultTests.The_classical_calibration_beyond_its_range_is_refuted", Audited)),

        new("ledger", "ledger read but not written", new Catch("BudgetInvariants.A_ledger_that_is_wrong_now_and_then_is_found_out", Invariants)),
        new("ledger", "a charge that is forgotten, doubled, raised, silent or another amount", new Catch("BudgetInvariants.A_ledger_that_is_wrong_now_and_then_is_found_out", Invariants)),
        new("ledger", "check-then-act races", new Catch("LinearizabilityTests.A_ledger_with_a_race_is_found_out", "LedgerHistoryConformance.Histories_of_concurrent_operations_are_linearizable")),
        new("ledger", "answers and charges that do not agree",
            new("LoadCheckerTests.A_request_that_was_answered_and_is_not_charged_is_found", Checked),
            new("LoadCheckerTests.A_replay_of_what_is_not_charged_is_found", Checked),
            new("LoadCheckerTests.A_request_that_is_charged_twice_is_found", Checked),
            new("LoadCheckerTests.A_charge_that_nobody_asked_for_is_found", Checked),
            new("LoadCheckerTests.A_charge_that_was_refused_is_found", Checked),
            new("LoadCheckerTests.A_charge_that_was_told_twice_is_found", Checked),
            new("LoadCheckerTests.Answers_that_differ_are_found", Checked),
            new("LoadCheckerTests.A_tier_that_was_answered_and_is_not_paid_for_is_found", Checked),
            new("LoadCheckerTests.A_total_that_is_one_unit_off_is_found", Checked),
            new("LoadCheckerTests.A_gap_and_a_limit_that_was_passed_are_found", Checked)),
        new("ledger", "a rolled-back database",
            new("DetectionTests.A_database_put_back_is_behind_its_witness", Untouched),
            new("DetectionTests.A_database_put_back_and_written_on_without_its_witness_has_gone_another_way", Untouched)),
        new("ledger", "an edited entry",
            new("DetectionTests.An_edited_entry_breaks_its_chain", Untouched),
            new("DetectionTests.An_edited_total_has_another_MAC", Untouched),
            new("LedgerVerificationTests.A_contradiction_is_named", "LedgerVerificationTests.A_ledger_that_agrees_with_its_entries_has_no_faults")),
        new("ledger", "a deleted entry",
            new("DetectionTests.An_entry_missing_from_the_middle_breaks_its_chain", Untouched),
            new("DetectionTests.A_missing_last_entry_is_missed_by_its_book", Untouched)),
        new("ledger", "a lost witness", new Catch("DetectionTests.A_lost_witness_closes_the_store", Untouched)),

        new("time", "a refusal that depends on rows for 50 us", new Catch("RowTimingTests.A_refusal_that_looks_at_a_row_is_found", "RowTimingTests.A_refusal_takes_the_same_time_whatever_the_rows")),
        new("time", "noise that depends on rows for 50 us", new Catch("RowTimingTests.Noise_that_looks_at_a_row_is_found", "RowTimingTests.Noise_takes_the_same_time_whatever_the_rows")),
    ];
}
