"""Policies side by side: each answer is that of a replay, and what is summed up is summed up over the right runs."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from curves import plateau, run_of

import cbreplay as cb
from cbreplay.answers import Answer
from cbreplay.bands import Series, band_of
from cbreplay.comparing import measures_of
from cbreplay.gaps import gap_curve, median_gap
from cbreplay.jsonable import to_json

WAITS = (1, 3, 5, 7)


def policy(patience, **parameters):
    return [cb.EarlyStopping(mode="min", patience=patience, **parameters),
            cb.ModelCheckpoint("m.h5", mode="min", save_best_only=True)]  # fmt: skip


def runs_of(waits=WAITS, **settings):
    return [run_of(plateau(wait), f"m{number % 2}/r{number}", **settings) for number, wait in enumerate(waits)]


@pytest.fixture(scope="module")
def comparison():
    return cb.compare(runs_of(), {"two": policy(2), "four": policy(4), "six": policy(6)}, group_by="folder")


def test_each_answer_is_what_a_replay_gives() -> None:
    policies = {"two": policy(2), "restoring": policy(4, restore_best_weights=True), "up": cb.SuccessiveIncreases()}
    runs = runs_of()
    compared = cb.compare(runs, policies)
    for row, run in zip(compared.runs, runs, strict=True):
        for answer, rules in zip(row.answers, policies.values(), strict=True):
            expected = cb.replay(run, rules)
            assert answer.outcome is not None
            assert expected.to_dict() == answer.outcome.to_dict()


def test_a_policy_may_have_a_profile_of_its_own() -> None:
    run = run_of([float("nan"), 3, 2, 1, 2, 3])
    rules = (cb.EarlyStopping(mode="min", patience=2),)
    compared = cb.compare([run], [cb.Policy("new", rules, "keras-3.15"), cb.Policy("old", rules, "keras-2.9")])
    expected = [cb.replay(run, rules, profile=profile).stopped_epoch for profile in ("keras-3.15", "keras-2.9")]
    assert expected == [answer.stopped_epoch for answer in compared.runs[0].answers]
    assert expected[0] != expected[1]


@pytest.mark.parametrize(
    ("values", "rules", "planned", "verdict", "kept"),
    [
        # plateau: best 1.0 at epoch 3, 1.5 until the gain to 0.5
        (plateau(5), policy(2), "length", "stopped", 3),
        (plateau(1), policy(2), "length", "stopped", 5),
        ([3, 2, 1], policy(2), "length", "completed", 2),
        ([3, 2, 1], policy(2), None, "undecided", 2),
        ([3, 2, 1, 2, 3], [cb.EarlyStopping(mode="min", patience=2)], "length", "stopped", 4),
        (
            [3, 2, 1, 2, 3],
            [cb.EarlyStopping(mode="min", patience=2, restore_best_weights=True)],
            "length",
            "stopped",
            2,
        ),
        ([3, 2, 1], [cb.EarlyStopping(mode="min", patience=2)], "length", "completed", 2),
        ([3, 2, 1], [cb.EarlyStopping(mode="min", patience=2)], None, "undecided", None),
        ([3, 2, 1, 2], [*policy(9)[:1], cb.ModelCheckpoint("{epoch}.h5")], "length", "completed", 3),
    ],
)
def test_the_kept_epoch_is_that_of_the_weights_one_is_left_with(values, rules, planned, verdict, kept) -> None:
    (row,) = cb.compare([run_of(values, planned=planned)], {"a": rules}).runs
    assert (verdict, kept) == (row.answers[0].verdict, row.answers[0].kept_epoch)


def test_a_summary_counts_verdicts_epochs_and_regrets(comparison) -> None:
    # Patience p stops on the plateau where its length is p or more: at epoch 3 + p, else p epochs behind the gain.
    two, four, six = comparison.summaries
    stops = {p: [3 + p if wait >= p else 4 + wait + p for wait in WAITS] for p in (2, 4, 6)}
    for summary, patience in ((two, 2), (four, 4), (six, 6)):
        assert (summary.stopped, summary.completed, summary.undecided) == (4, 0, 0)
        assert sum(59 - stop for stop in stops[patience]) == summary.measures.epochs_saved
        misses = [0.5 if wait >= patience else 0.0 for wait in WAITS]
        assert np.mean(misses) == pytest.approx(summary.measures.regret)
        assert np.mean(misses) / 2.5 == pytest.approx(summary.measures.regret_relative)
        assert np.count_nonzero(misses) == summary.measures.missed
        assert summary.measures == summary.shared


def test_undecided_is_not_counted_as_running_to_the_end() -> None:
    runs = [run_of(plateau(2), "whole"), run_of(plateau(2)[:7], "cut", planned=60)]
    early, late = cb.compare(runs, {"early": policy(1), "late": policy(9)}).summaries
    assert (early.stopped, early.completed, early.undecided) == (2, 0, 0)
    assert (late.stopped, late.completed, late.undecided) == (1, 0, 1)
    assert (early.measures.runs, late.measures.runs) == (2, 1)
    assert (early.shared.runs, late.shared.runs) == (1, 1)
    assert (early.measures.epochs, early.shared.epochs) == (67, 60)
    assert not cb.compare(runs, {"late": policy(9), "later": policy(10)}).runs[1].is_same


@pytest.mark.parametrize(("mode", "sign"), [("min", 1), ("max", -1)])
def test_the_run_that_looks_best_at_the_stop_may_be_another_than_the_best(mode, sign) -> None:
    values = {"late": plateau(3, gain=0.9), "soon": plateau(1, gain=0.5)}
    runs = [run_of(sign * curve, name) for name, curve in values.items()]
    rules = {str(p): cb.EarlyStopping(mode=mode, patience=p) for p in (2, 9)}
    early, late = (item.measures for item in cb.compare(runs, rules).summaries)
    assert (early.picked, early.best_run) == ("soon", "late")
    assert (sign * 0.5, sign * 0.1) == pytest.approx((early.picked_value, early.best_value))
    assert early.picked_regret == pytest.approx(0.4)
    assert early.picks_another
    assert (late.picked, late.best_run, late.picks_another) == ("late", "late", False)


def test_equals_in_the_end_are_no_other_choice() -> None:
    runs = [run_of([3, 2, 1, 1], "a"), run_of([1, 2, 3, 4], "b")]
    measures = cb.compare(runs, {"one": cb.EarlyStopping(mode="min", patience=1)}).summaries[0].measures
    assert not measures.picks_another
    assert measures.picked == measures.best_run


def test_saved_time_rests_on_the_runs_with_times() -> None:
    runs = [run_of(plateau(2), "timed", seconds=10.0), run_of(plateau(2), "untimed")]
    measures = cb.compare(runs, {"two": policy(2)}).summaries[0].measures
    assert (measures.timed, pytest.approx(measures.seconds_saved)) == (1, 540.0)


def test_policies_that_end_alike_are_told_apart_from_those_that_do_not(comparison) -> None:
    alike = cb.compare(runs_of(), {"one": policy(2), "other": policy(2)})
    assert [row.is_same for row in alike.runs] == [True] * 4
    assert [row.spread for row in alike.runs] == [0] * 4
    assert [row.is_same for row in comparison.runs] == [False] * 4
    # wait 1: epochs 7, 9, 11; wait 7: 5, 7, 9
    assert (comparison.runs[0].spread, comparison.runs[3].spread) == (4, 4)


def test_a_run_without_the_monitor_is_undecided_with_its_reason() -> None:
    runs = [run_of(plateau(2), "good"), run_of(plateau(2), "other", metric="val_mae", planned=None)]
    compared = cb.compare(runs, {"two": [cb.EarlyStopping("val_loss", patience=2)]})
    answer = compared.runs[1].answers[0]
    assert answer.verdict == "undecided"
    assert (
        compared.summaries[0].stopped, compared.summaries[0].completed, compared.summaries[0].undecided
    ) == (1, 0, 1)  # fmt: skip
    assert (answer.final, answer.range, answer.whole_best, answer.gaps) == (None, None, None, None)


def test_a_policy_that_cannot_be_replayed_is_a_problem_of_the_run() -> None:
    (row,) = cb.compare([run_of(plateau(2), metric="oddity")], {"two": cb.EarlyStopping("oddity", patience=2)}).runs
    assert row.answers[0].outcome is None
    assert "oddity" in row.answers[0].problem
    assert (
        row.answers[0].verdict, row.answers[0].stopped_epoch, row.answers[0].kept_epoch
    ) == ("undecided", None, None)  # fmt: skip


@pytest.mark.parametrize(
    ("policies", "sentence"),
    [
        ({}, "no policy to compare"),
        ([cb.Policy("a", (cb.EarlyStopping(),)), cb.Policy("a", (cb.EarlyStopping(),))], "two policies are called 'a'"),
        ([cb.Policy("a", (cb.EarlyStopping(),), "torch-1")], "policy 'a': "),
        ([cb.EarlyStopping()], "policies have names"),
        ({"a": 7}, "policy 'a': 7 is no rule"),
        ({"a": [cb.EarlyStopping(), "b"]}, "policy 'a': 'b' is no rule"),
    ],
)
def test_what_cannot_be_compared_is_said(policies, sentence) -> None:
    with pytest.raises(cb.ParameterError, match=sentence):
        cb.compare(runs_of(), policies)


@pytest.mark.parametrize(
    ("mode", "train", "valid", "gap"),
    [
        ("min", [1.0, 0.5, 0.2], [0.9, 0.7, 0.8], [-0.1, 0.2, 0.6]),
        ("max", [0.5, 0.8, 0.9], [0.6, 0.7, 0.6], [-0.1, 0.1, 0.3]),
    ],
)
def test_the_gap_is_positive_where_validation_is_worse(mode, train, valid, gap) -> None:
    logs = [{"loss": t, "val_loss": v} for t, v in zip(train, valid, strict=True)]
    run = cb.replay(logs, cb.EarlyStopping(mode=mode)).run
    curve = gap_curve(run, "val_loss", mode)
    assert gap == pytest.approx(curve.gap.tolist())
    assert (gap[1], gap[-1], None, None) == (
        pytest.approx(curve.at(1)), pytest.approx(curve.end), curve.at(None), curve.at(7)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("names", "monitor", "found"),
    [
        (("loss", "val_loss"), "val_loss", ("loss", "val_loss")),
        (("loss", "val_loss"), "loss", ("loss", "val_loss")),
        (("Loss/train", "Loss/val"), "Loss/val", ("Loss/train", "Loss/val")),
        (("train_loss", "eval/loss"), "eval/loss", ("train_loss", "eval/loss")),
        (("mae", "val_loss"), "val_loss", None),
        (("loss", "val_loss"), "val_mae", None),
    ],
)
def test_the_other_one_of_the_pair_is_found_by_name_or_words(names, monitor, found) -> None:
    run = cb.replay([dict.fromkeys(names, 1.0)] * 3, cb.EarlyStopping(names[1], mode="min")).run
    curve = gap_curve(run, monitor, "min")
    assert found == (None if curve is None else (curve.training, curve.validation))


def test_the_gap_needs_both_values_of_an_epoch_and_a_direction() -> None:
    logs = [{"loss": 1.0, "val_loss": 2.0}, {"loss": 0.5}, {"loss": 0.5, "val_loss": 2.5}, {"loss": 0.1}]
    run = cb.replay(logs, cb.EarlyStopping(mode="min", patience=9)).run
    curve = gap_curve(run, "val_loss", "min")
    assert (curve.epoch.tolist(), curve.gap.tolist(), curve.end) == ([0, 2], [1.0, 2.0], 2.0)
    assert gap_curve(run, "val_loss", None) is None


@pytest.mark.parametrize(("gaps", "median"), [([], None), ([None, 1.0, 3.0], 2.0), ([float("nan"), 5.0], 5.0)])
def test_the_median_gap_is_that_of_the_gaps_there_are(gaps, median) -> None:
    assert median == median_gap(gaps)


def series(name, values, first=0):
    epoch = np.arange(first, first + len(values))
    return Series(name, epoch, np.array(values, float), first, first + len(values))


def test_a_band_holds_the_quartiles_and_how_many_are_left() -> None:
    band = band_of("g", "loss", [series("a", [1, 2, 3, 4]), series("b", [3, 4]), series("c", [5, 9, 5])])
    assert [3, 3, 2, 1] == band.running.tolist() == band.values.tolist()
    assert (
        band.median.tolist(), band.low.tolist(), band.high.tolist()
    ) == ([3, 4, 4, 4], [2, 3, 3.5, 4], [4, 6.5, 4.5, 4])  # fmt: skip
    assert band.is_thin.tolist() == [False, False, False, True]
    assert (band.last, band.best(maximize=False)) == (2, 0)
    assert band.best(maximize=True) == 1
    assert {"name": "g", "runs": ["a", "b", "c"], "epoch": [0, 1, 2, 3]}.items() <= band.to_dict().items()


def test_a_band_takes_finite_values_and_runs_that_begin_late() -> None:
    band = band_of("g", "loss", [series("a", [1, np.nan, np.inf]), series("b", [3, 4], first=2)])
    assert (
        band.epoch.tolist(), band.running.tolist(), band.values.tolist()
    ) == ([0, 1, 2, 3], [1, 1, 2, 1], [1, 0, 1, 1])  # fmt: skip
    assert np.array_equal([1, np.nan, 3, 4], band.median, equal_nan=True)
    assert band_of("g", "loss", [series("a", [np.nan])]) is None
    assert band_of("g", "loss", []) is None


def test_groups_have_a_band_and_summaries_of_their_own(comparison) -> None:
    assert [group.name for group in comparison.groups] == ["m0", "m1"]
    first = comparison.groups[0]
    assert first.runs == ("m0/r0", "m0/r2")
    assert ((plateau(1) + plateau(5)) / 2).tolist() == first.band.median.tolist()
    assert [measures_of(comparison.runs[::2], place) for place in range(3)] == [s.measures for s in first.summaries]
    assert {"m0", "m1"} == {row.group for row in comparison.runs}


def test_runs_in_no_group_are_noted() -> None:
    compared = cb.compare([*runs_of(), run_of(plateau(2), "alone")], {"a": policy(2)}, group_by="{model}/*")
    assert compared.notes == ("1 run in no group: alone",)
    assert compared.runs[-1].group is None


def test_policies_that_watch_several_metrics_are_noted() -> None:
    compared = cb.compare(runs_of(), {"a": policy(2), "b": cb.EarlyStopping("loss", mode="min")})
    assert compared.monitors == ("val_loss", "loss")
    assert "several metrics" in compared.notes[0]


def test_the_share_still_training_lets_undecided_runs_drop_out() -> None:
    runs = [run_of([3, 2, 1, 2, 3, 4], "a"), run_of([3, 2, 1], "b", planned=9)]
    (curve,) = cb.compare(runs, {"two": policy(2)}).survival()
    assert (curve.epochs.tolist(), curve.share.tolist(), curve.censored.tolist()) == ([0, 5], [1, 0], [3])


def test_gap_bands_are_those_of_the_pair_that_most_runs_have(comparison) -> None:
    train, valid, gap = comparison.gap_bands()
    assert (train.metric, valid.metric, gap.metric) == ("loss", "val_loss", "gap")
    expected = np.median([plateau(wait) for wait in WAITS], axis=0)
    assert expected.tolist() == valid.median.tolist()
    assert (expected - 1).tolist() == gap.median.tolist()
    assert cb.compare(
        [run_of([1, 2], metric="val_mae")], {"a": cb.EarlyStopping("val_mae", mode="min")}
    ).gap_bands() is (None)


def test_json_has_epochs_from_0_and_everything_that_is_shown(comparison) -> None:
    told = json.loads(to_json(comparison.to_dict()))
    assert {"schema": 1, "group_by": "folder", "notes": []}.items() <= told.items()
    assert ["two", "four", "six"] == [item["name"] for item in told["policies"]] == [
        item["policy"] for item in told["summaries"]
    ]  # fmt: skip
    answer = told["runs"][3]["answers"][0]
    assert {
        "policy": "two", "verdict": "stopped", "stopped_epoch": 5, "kept_epoch": 3, "epochs_saved": 54, "regret": 0.5,
        "regret_relative": 0.2, "best_seen": 1.0, "range": 2.5, "final": 3.0, "problem": None,
    }.items() <= answer.items()  # fmt: skip
    assert answer["gap"] == {"training": "loss", "validation": "val_loss", "kept": 0.0, "stop": 0.5, "end": 2.0}
    assert [len(told["runs"]), told["summaries"][0]["decided_by_all"]["runs"]] == [4, 4]
    assert len(told["groups"][0]["band"]["median"]) == 60


def test_the_frame_has_a_row_per_run_and_policy(comparison) -> None:
    frame = comparison.to_frame()
    assert len(frame) == 12
    assert frame[frame["run"] == "m1/r3"]["stopped_epoch"].tolist() == [5, 7, 9]
    assert isinstance(frame["stopped_epoch"].dtype, pd.Int64Dtype)
    assert {"gap_kept", "gap_stop", "gap_end", "regret_relative", "group"} <= set(frame.columns)
    assert "<table" in comparison._repr_html_()


def test_progress_is_told_run_by_run() -> None:
    told: list[tuple[int, int]] = []
    cb.compare(runs_of(), {"a": policy(2)}, progress=lambda *now: told.append(now))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_damage_and_skipped_files_come_with_the_runs(data) -> None:
    runs = cb.load_runs(data / "hard" / "events")
    compared = cb.compare(runs, {"a": policy(2)})
    assert (runs.damage, runs.skipped, runs.logdir) == (compared.damage, compared.skipped, compared.logdir)


def test_an_answer_agrees_only_where_verdict_stop_and_kept_epoch_do(comparison) -> None:
    first, second, _ = comparison.runs[0].answers
    assert first.agrees_with(Answer("again", first.outcome, None))
    assert not first.agrees_with(second)
