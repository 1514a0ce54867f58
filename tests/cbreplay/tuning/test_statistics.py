"""The statistics of tuning against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cbreplay.tuning.intervals import Bootstrap, ratio_interval, resample_counts, share_interval, widened_tail
from cbreplay.tuning.matrix import Matrix, rank_correlation
from cbreplay.tuning.noise import estimate_noise, natural_min_deltas, noise_deviation, rounded_up
from cbreplay.tuning.survival import kaplan_meier


def matrix(best_seen, whole_best):
    """A matrix of which only the ranking counts."""
    cells = np.array(best_seen, float)
    zeros = np.where(np.isnan(cells), np.nan, 0.0)
    ones = np.ones(len(cells))
    return Matrix(zeros, zeros, zeros, zeros, zeros, zeros, cells, np.array(whole_best, float), ones, ones, ones, ones)


@pytest.mark.parametrize("runs", [12, 20, 40])
def test_the_bootstrap_interval_of_a_mean_is_scipys_bca_at_the_widened_level(runs) -> None:
    sample = np.random.default_rng(runs).exponential(size=runs)
    found = ratio_interval(sample, np.ones(runs), resample_counts(runs, 20_000, 1), 0.95)
    expected = stats.bootstrap(
        (sample,), np.mean, n_resamples=20_000, confidence_level=1 - 2 * widened_tail(0.025, runs), method="BCa",
        rng=np.random.default_rng(2),
    ).confidence_interval  # fmt: skip
    scale = sample.std() / np.sqrt(runs)
    assert found.value == pytest.approx(sample.mean())
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.12 * scale)


def test_the_bootstrap_interval_of_a_ratio_is_scipys() -> None:
    rng = np.random.default_rng(5)
    saved, epochs = rng.uniform(0, 50, 12), rng.uniform(50, 200, 12)
    found = ratio_interval(saved, epochs, resample_counts(12, 20_000, 1), 0.9)
    expected = stats.bootstrap(
        (saved, epochs), lambda one, other, axis: one.sum(axis=axis) / other.sum(axis=axis), paired=True,
        n_resamples=20_000, confidence_level=1 - 2 * widened_tail(0.05, 12), method="BCa", rng=np.random.default_rng(2),
    ).confidence_interval  # fmt: skip
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.01)


@pytest.mark.parametrize("runs", [5, 9, 30, 400])
@pytest.mark.parametrize("tail", [0.005, 0.025, 0.1])
def test_the_level_is_widened_as_t_is_against_the_normal(runs, tail) -> None:
    wide = stats.t.ppf(tail, runs - 1) * np.sqrt(runs / (runs - 1))
    assert stats.norm.ppf(widened_tail(tail, runs)) == pytest.approx(wide, rel=0.02)


def test_equal_values_have_an_interval_without_width_and_one_run_has_none() -> None:
    same = ratio_interval(np.full(6, 0.25), np.ones(6), resample_counts(6, 100, 0), 0.95)
    assert (same.value, same.low, same.high) == (0.25, 0.25, 0.25)
    one = ratio_interval(np.array([0.25]), np.ones(1), resample_counts(1, 100, 0), 0.95)
    assert (one.value, one.low, one.high) == (0.25, None, None)


def test_an_interval_holds_its_estimate_and_repeats_with_the_seed() -> None:
    rare = np.array([0.0] * 11 + [0.4])
    found = [ratio_interval(rare, np.ones(12), resample_counts(12, 500, 3), 0.95) for _ in range(2)]
    assert found[0] == found[1]
    assert found[0].low <= found[0].value <= found[0].high


def test_the_interval_of_a_regret_allows_for_a_run_that_was_not_seen() -> None:
    bootstrap = Bootstrap()
    none_lost = bootstrap.regret(np.zeros(10), np.ones(10), 0.3)
    assert (none_lost.value, none_lost.low) == (0, 0)
    assert 0.3 / 11 < none_lost.high < 0.3
    some = np.array([0.0] * 8 + [0.1, 0.2])
    plain, wide = bootstrap.ratio(some, np.ones(10)), bootstrap.regret(some, np.ones(10), 0.3)
    assert wide.low <= plain.low <= plain.high < wide.high
    assert bootstrap.regret(some, np.ones(10), 0.0).high == plain.high


@pytest.mark.parametrize(("hits", "trials"), [(0, 5), (3, 14), (14, 14), (500, 1000)])
def test_the_interval_of_a_share_is_scipys_wilson(hits, trials) -> None:
    found = share_interval(hits, trials, 0.95)
    expected = stats.binomtest(hits, trials).proportion_ci(0.95, method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


values = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(-5, 5))


@settings(deadline=None)
@given(st.lists(st.tuples(values, values, st.booleans()), min_size=3, max_size=12))
def test_the_rank_correlation_is_scipys_spearman_over_the_decided_runs(runs) -> None:
    seen = [[one if decided else np.nan] for one, _, decided in runs]
    known = [(one, other) for one, other, decided in runs if decided]
    found = rank_correlation(matrix(seen, [other for _, other, _ in runs]))[0]
    one, other = ([pair[side] for pair in known] for side in (0, 1))
    if len(known) < 3 or len(set(one)) == 1 or len(set(other)) == 1:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(stats.spearmanr(one, other).statistic)


@given(st.lists(st.tuples(st.integers(1, 20), st.booleans()), min_size=1, max_size=30))
def test_the_share_still_training_is_scipys_survival_function(runs) -> None:
    lengths = np.array([length for length, _ in runs], float)
    ended = np.array([flag for _, flag in runs])
    epochs, share, censored = kaplan_meier(lengths, ended)
    assert sorted(lengths[~ended]) == censored.tolist()
    if not ended.any():
        assert (epochs.tolist(), share.tolist()) == ([0.0], [1.0])
        return
    expected = stats.ecdf(stats.CensoredData(uncensored=lengths[ended], right=lengths[~ended])).sf
    assert share[1:] == pytest.approx(expected.evaluate(epochs[1:]))


@pytest.mark.parametrize("scale", [1e-6, 0.01, 30.0])
def test_the_noise_of_a_smooth_curve_is_its_standard_deviation(scale) -> None:
    epoch = np.arange(4000)
    curve = scale * (np.exp(-epoch / 200) * 20 + np.random.default_rng(1).normal(size=4000))
    assert noise_deviation(curve) == pytest.approx(scale, rel=0.05)
    assert noise_deviation(scale * np.exp(-epoch / 200)) < 1e-4 * scale


def test_noise_is_the_median_over_runs_and_names_the_next_min_delta() -> None:
    curves = [(name, np.array([0, size, 0, size, 0, size])) for name, size in (("a", 1.0), ("b", 2.0), ("c", 9.0))]
    noise = estimate_noise([*curves, ("short", np.zeros(2))], [0, 0.5, 2.5, 5])
    assert set(noise.of_runs) == {"a", "b", "c"}
    assert noise.deviation == noise.of_runs["b"]
    assert noise.min_delta == 2.5
    assert estimate_noise([("short", np.zeros(2))], [0]) is None


@pytest.mark.parametrize(("value", "expected"), [(0.0032, 0.004), (0.003, 0.003), (9.1, 10), (0, 0), (7e-9, 7e-9)])
def test_a_min_delta_is_rounded_up_to_one_digit(value, expected) -> None:
    assert rounded_up(value) == expected


def test_without_given_values_min_delta_lies_around_the_noise() -> None:
    assert natural_min_deltas(0.0054) == (0.0, 0.003, 0.006, 0.02, 0.03)
    assert natural_min_deltas(None) == (0.0,)
