"""Advice on runs of which the right answer is known, and refusals where there is none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from curves import noisy, plateau, run_of

import cbreplay as cb
from cbreplay.jsonable import to_json
from cbreplay.tuning.bounding import lowest_reach
from cbreplay.tuning.grouping import group_runs

TUNE = Path(__file__).parents[2] / "data" / "tune"
WAITS = (1, 2, 3, 4, 5, 7)


def family(waits=WAITS, **settings):
    return [run_of(plateau(wait, **settings), f"r{number}") for number, wait in enumerate(waits)]


def test_the_smallest_patience_that_survives_every_plateau_is_advised_for_no_regret() -> None:
    advice = cb.tune(family(), max_regret=0, min_delta=0)
    assert advice.refusal is None
    assert advice.recommended.rule == cb.EarlyStopping(mode="min", patience=max(WAITS) + 1)
    assert advice.recommended.regret.value == 0
    assert advice.recommended.missed.value == 0
    expected = sum(60 - (3 + wait + 2 + max(WAITS) + 1) for wait in WAITS)
    assert advice.recommended.measures["epochs_saved"] == expected
    assert advice.recommended.saved.value == pytest.approx(expected / (60 * len(WAITS)))


def test_held_out_runs_pay_where_the_longest_plateau_was_not_seen() -> None:
    held_out = cb.tune(family(), max_regret=0, min_delta=0).held_out
    loss = 0.5 / (3.0 - 0.5)  # without the longest plateau, patience 6 is chosen, and loses that of 7
    assert held_out.regret.value == pytest.approx(loss / len(WAITS))
    assert held_out.missed.value == pytest.approx(1 / len(WAITS))
    assert (held_out.runs, held_out.undecided, held_out.without) == (6, 0, 0)


def test_a_tolerance_lets_the_longest_plateau_go_and_its_double_more() -> None:
    loss = 0.2 / len(WAITS)  # what one missed plateau costs on average
    advice = cb.tune(family(), max_regret=1.01 * loss, min_delta=0)
    assert advice.recommended.rule.patience == 6
    assert advice.half.rule.patience == 8
    assert advice.double.rule.patience == 5


def test_a_budget_buys_the_least_regret_that_it_can() -> None:
    full = cb.tune(family(), max_regret=0, min_delta=0)
    trained = 1 - full.recommended.saved.value
    assert cb.tune(family(), budget=trained, min_delta=0).recommended.rule.patience == 8
    cheaper = cb.tune(family(), budget=trained - 0.001, min_delta=0).recommended
    assert cheaper.rule.patience < 8
    assert 1 - cheaper.saved.value < trained - 0.001


def test_measures_are_those_of_replaying_every_run() -> None:
    rng = np.random.default_rng(3)
    runs = [run_of(noisy(rng), f"r{n}", seconds=2.0) for n in range(9)]
    advice = cb.tune(runs, max_regret=0.02, patience=range(12), min_delta=[0, 0.01])
    table = advice.to_frame()
    for cell, row in table.iterrows():
        outcomes = [cb.replay(run, advice.grid.rule_of(cell, monitor="val_loss", mode="min")) for run in runs]
        assert row["epochs_saved"] == sum(outcome.epochs_saved or 0 for outcome in outcomes)
        assert row["seconds_saved"] == pytest.approx(sum(outcome.seconds_saved or 0 for outcome in outcomes))
        assert row["regret"] == pytest.approx(np.mean([outcome.regret for outcome in outcomes]))
        assert row["regret_relative"] == pytest.approx(np.mean([outcome.regret_relative for outcome in outcomes]))
        assert row["regret_final"] == pytest.approx(np.mean([outcome.regret_final for outcome in outcomes]))
        assert row["missed"] == pytest.approx(np.mean([outcome.regret_relative > 0.02 for outcome in outcomes]))
    fits = table[table["regret_relative"] <= 0.02]
    assert advice.recommended.saved.value == pytest.approx(fits["saved"].max())


def test_every_rule_is_held_against_the_advice_at_its_cost() -> None:
    rng = np.random.default_rng(5)
    advice = cb.tune([run_of(noisy(rng), f"r{n}") for n in range(12)], max_regret=0.02)
    assert {point.family for point in advice.families} == {"keras", "lookback", "smoothed", "gl", "pq", "up"}
    for point in advice.families:
        assert point.rule is None or point.saved >= advice.recommended.saved.value - 1e-9
    own = next(point for point in advice.families if point.family == "keras")
    assert own.regret <= advice.recommended.regret.value + 1e-12


def cut(values, patience):
    """The values up to where an early stopping of that patience ended the training."""
    stop = cb.replay(
        [{"val_loss": float(v)} for v in values], cb.EarlyStopping(mode="min", patience=patience)
    ).stopped_epoch
    return values[: stop + 1]


def test_runs_that_were_all_stopped_early_support_no_advice() -> None:
    runs = [run_of(cut(plateau(3 + n), 2) + n / 1000, f"r{n}", planned=60) for n in range(6)]
    advice = cb.tune(runs, min_delta=0)
    assert advice.recommended is None
    assert "6 of 6 runs were cut short" in advice.refusal
    assert all(item.kind == "cut" for item in advice.standings)
    undecided = advice.to_frame().set_index("patience")["undecided"]
    assert (undecided[2], undecided[3]) == (0, 6)


def test_the_same_without_known_planned_epochs_is_told_from_how_they_end() -> None:
    curves = [cut(plateau(3 + n), 2) + n / 1000 for n in range(6)]
    advice = cb.tune([run_of(values, f"r{n}", planned=None) for n, values in enumerate(curves)], min_delta=0)
    assert advice.recommended is None
    assert {item.kind for item in advice.standings} == {"stopped"}
    assert "patience 2" in advice.standings[0].sentence


def test_stopped_runs_among_whole_ones_do_not_make_a_short_patience_look_cheap() -> None:
    whole = family()
    stopped = [run_of(cut(plateau(9), 2) + n / 1000, f"s{n}", planned=60) for n in range(4)]
    naive = cb.tune([*whole, *stopped], max_regret=0.04, min_delta=0, censored="ignore")
    honest = cb.tune([*whole, *stopped], max_regret=0.04, min_delta=0)
    assert naive.recommended.rule.patience < honest.recommended.rule.patience
    assert honest.recommended.rule == cb.tune(whole, max_regret=0.04, min_delta=0).recommended.rule
    assert honest.used == tuple(run.name for run in whole)
    assert any("4 runs left out" in note for note in honest.notes)


def test_bounded_runs_could_have_come_down_to_the_best_of_all() -> None:
    whole = family()
    stopped = [run_of(cut(plateau(9), 2), "s", planned=60)]
    measured = cb.tune([*whole, *stopped], min_delta=0).measured
    (reach,) = lowest_reach(measured[-1:], measured[:-1])
    assert reach == pytest.approx(1.0 - 0.5 * (2.0 - 1.0) / 2.5 * 2.5) == pytest.approx(0.5)
    bounded = cb.tune([*whole, *stopped], max_regret=0.2, min_delta=0, censored="bound")
    assert bounded.recommended.optimistic["regret"] < bounded.recommended.regret.value
    assert bounded.recommended.optimistic["saved"] >= bounded.recommended.saved.value
    row = bounded.to_frame().set_index("patience").loc[8]
    worst = (1.0 - 0.5) / (2.0 - 1.0 + 0.5)  # over the range that the run would have had then
    assert row["regret_relative"] == pytest.approx(worst / 7)  # the whole ones lose nothing, the stopped one all it can
    assert row["epochs_saved"] == sum(60 - (3 + wait + 2 + 8) for wait in WAITS)  # it trains to the end
    assert any("could still have come down to the best of all runs" in note for note in bounded.notes)


@pytest.mark.parametrize("count", [0, 2])
def test_without_whole_runs_nothing_bounds_the_others(count) -> None:
    stopped = [run_of(cut(plateau(wait), 2) + wait / 1000, f"s{wait}", planned=60) for wait in range(4, 10)]
    advice = cb.tune([*family()[:count], *stopped], censored="bound", min_delta=0)
    assert advice.recommended is None
    assert "nothing bounds what those cut short could have reached" in advice.refusal


def test_stopping_before_any_number_loses_everything() -> None:
    runs = [run_of([np.nan] * 8 + np.linspace(1, 0.1 + n / 100, 30).tolist(), f"r{n}") for n in range(6)]
    for profile in ("keras-2.15", "keras-3.15"):
        table = cb.tune(runs, min_delta=0, profile=profile).to_frame().set_index("patience")
        assert table.loc[1, "regret_relative"] == np.inf
        assert table.loc[1, "missed"] == 1
    advice = cb.tune(runs, min_delta=0, profile="keras-2.15")
    assert advice.recommended.rule.patience == 9


def test_weights_of_an_epoch_without_a_number_are_lost_and_of_one_without_validation_unknown() -> None:
    broken = [run_of([*np.linspace(1, 0.1 + n / 100, 20), np.nan, np.nan], f"r{n}") for n in range(6)]
    table = cb.tune(broken, min_delta=0, final=True).to_frame().set_index("patience")
    assert table.loc[1, "regret_final"] == np.inf
    every_second = []
    for number in range(6):
        logs = [
            {"loss": 1.0} if epoch % 2 else {"loss": 1.0, "val_loss": 1 / (epoch + 1 + number)} for epoch in range(20)
        ]
        every_second.append(replace(cb.replay(logs, cb.EarlyStopping(mode="min")).run, name=f"r{number}"))
    table = cb.tune(every_second, min_delta=0, final=True).to_frame().set_index("patience")
    assert table.loc[9, "decided"] == 0


def test_the_values_of_a_run_count_once() -> None:
    twice = [*family(), *(replace(run, name=f"{run.name}/again") for run in family())]
    advice = cb.tune(twice, min_delta=0)
    assert [item.kind for item in advice.standings] == ["complete"] * 6 + ["repeated"] * 6
    assert advice.recommended.regret == cb.tune(family(), min_delta=0).recommended.regret
    assert "6 runs that tell of the same training as another one: each training counts once" in advice.notes


def test_an_early_stopping_that_explains_several_ends_is_believed_whatever_its_patience() -> None:
    waits = (60, 62, 65, 70, 72, 75)
    curves = [cut(plateau(wait, length=160), 57) for wait in waits]
    runs = [run_of(np.concatenate([[3.0] * n, values]), f"r{n}", planned=None) for n, values in enumerate(curves)]
    advice = cb.tune(runs, min_delta=0)
    assert advice.recommended is None
    assert {item.kind for item in advice.standings} == {"stopped"}
    assert "patience 57 would have ended it just there, as it would 5 others" in advice.standings[0].sentence


def test_a_common_end_that_an_early_stopping_explains_is_no_planned_end(tmp_path) -> None:
    for number, wait in enumerate((7, 8, 9, 10, 11, 12)):
        values = cut(plateau(wait) + number / 1000, 5)
        rows = [f"{epoch},1,{value}" for epoch, value in enumerate(values)]
        (tmp_path / f"r{number}.csv").write_text("\n".join(["epoch,loss,val_loss", *rows]))
    advice = cb.tune(cb.load_runs(tmp_path), min_delta=0)
    assert advice.recommended is None
    assert {item.kind for item in advice.standings} == {"stopped"}


def test_a_range_that_the_first_values_make_is_pointed_out() -> None:
    runs = [run_of([1e6, *plateau(wait)], f"r{wait}") for wait in WAITS]
    assert any("the first values make most of the range" in note for note in cb.tune(runs, min_delta=0.1).notes)
    assert not any("the first values" in note for note in cb.tune(family(), min_delta=0.1).notes)


def test_few_runs_are_said_to_be_few() -> None:
    assert "6 runs are few: what is held out is the better guide, and intervals are rough" in cb.tune(family()).notes


def test_the_interval_of_the_smallest_patience_allows_for_stopping_at_once() -> None:
    runs = [run_of(np.concatenate([np.linspace(2, 1 + n / 50, 20), [3.0] * 10]), f"r{n}") for n in range(6)]
    taken = cb.tune(runs, min_delta=0).recommended
    assert (taken.rule.patience, taken.regret.value) == (1, 0)
    assert taken.regret.high > 0.05


@pytest.mark.parametrize(("runs", "why"), [
    ([], "no run has a finite 'val_loss'"),
    (family()[:4], "4 runs cannot support an advice: at least 5"),
    ([run_of([1.0, 2.0], f"r{n}", metric="loss2") for n in range(6)], "no run has a finite 'val_loss'"),
    ([run_of([np.nan] * 5, f"r{n}") for n in range(6)], "no run has a finite 'val_loss'"),
])  # fmt: skip
def test_too_little_is_refused_with_the_reason(runs, why) -> None:
    advice = cb.tune(runs, min_delta=0)
    assert advice.recommended is None
    assert why in advice.refusal
    assert json.loads(to_json(advice.to_dict()))["advice"] is None
    assert len(advice.to_frame()) == advice.grid.cells


def test_a_grid_without_enough_patience_is_refused_with_the_lowest_regret() -> None:
    advice = cb.tune(family(), max_regret=0, min_delta=0, patience=range(6))
    assert "no cell keeps the mean regret to 0.00%; the lowest is 6.67%" in advice.refusal
    assert "the cheapest takes" in cb.tune(family(), budget=0.01, min_delta=0).refusal


def test_a_cell_that_does_not_stop_a_run_taken_for_whole_saves_and_loses_nothing_there() -> None:
    runs = [run_of(plateau(2, length=38 + tail), f"r{tail}", planned=None) for tail in (0, 1, 2, 3, 5, 6)]
    table = cb.tune(runs, max_regret=0, min_delta=0, patience=range(51)).to_frame().set_index("patience")
    assert (table.loc[50, "decided"], table.loc[50, "undecided"]) == (6, 6)
    assert (table.loc[50, "saved"], table.loc[50, "regret"]) == (0, 0)


def test_cells_that_a_hole_in_the_log_hides_are_not_chosen(tmp_path) -> None:
    for number in range(6):
        values = plateau(2 + number)
        rows = [f"{epoch},1,{value}" for epoch, value in enumerate(values) if number > 1 or epoch != 30]
        (tmp_path / f"r{number}.csv").write_text("\n".join(["epoch,loss,val_loss", *rows]))
    runs = cb.load_runs(tmp_path, planned_epochs=60)
    table = cb.tune(runs, min_delta=0).to_frame().set_index("patience")
    assert (table.loc[8, "decided"], table.loc[40, "decided"]) == (6, 4)
    advice = cb.tune(runs, budget=1.0, min_delta=0, patience=[1, 40])
    assert advice.recommended.rule.patience == 1


def test_each_group_has_an_advice_of_its_own_and_is_left_out_as_a_whole() -> None:
    models = {"big": (6, 6, 6, 6, 7), "small": (2, 2, 2, 2, 3)}
    runs = [
        run_of(plateau(w) + n / 1000, f"{model}/seed{n}")
        for model, waits in models.items()
        for n, w in enumerate(waits)
    ]
    advice = cb.tune(runs, max_regret=0, min_delta=0, group_by="folder")
    assert {name: group.recommended.rule.patience for name, group in advice.groups.items()} == {"big": 8, "small": 4}
    assert advice.recommended.rule.patience == 8
    assert advice.held_out.regret.value == pytest.approx(0.2 / 10)  # the other runs of a model tell most of it
    assert advice.held_out_groups.regret.value == pytest.approx(0.2 / 2)  # another model does not
    assert advice.held_out_groups.left_out == "group"


@pytest.mark.parametrize(("by", "groups"), [
    ("seed", {"a/seed*": [0, 1], "b/s*/run_*": [2], "c": [3]}),
    ("folder", {"a": [0, 1], "b": [2], "c": [3]}),
    ("{model}/seed*", {"a": [0, 1]}),
    ("{}/*{last}", {"a/seed1": [0], "a/seed2": [1]}),
])  # fmt: skip
def test_groups_by_seed_folder_or_pattern(by, groups) -> None:
    found = group_runs(["a/seed1", "a/seed2", "b/s3/run_4", "c"], by)
    if by != "{}/*{last}":
        assert found == groups
    assert sorted(place for places in found.values() for place in places) == sorted(
        place for places in (found if by == "{}/*{last}" else groups).values() for place in places
    )


@pytest.mark.parametrize("pattern", ["model/*", "{model}/nothing/like/this"])
def test_a_pattern_that_groups_nothing_is_refused(pattern) -> None:
    with pytest.raises(cb.ParameterError):
        group_runs(["a/b"], pattern)


def test_max_mode_is_the_mirror_of_min() -> None:
    low = cb.tune(family(), max_regret=0.04, min_delta=0)
    mirrored = [run_of(-plateau(wait), f"r{n}") for n, wait in enumerate(WAITS)]
    high = cb.tune(mirrored, max_regret=0.04, min_delta=0, mode="max", compare=())
    assert replace(low.recommended.rule, mode="max") == high.recommended.rule
    assert low.recommended.regret == high.recommended.regret
    assert low.cells.rank_correlation == pytest.approx(high.cells.rank_correlation, nan_ok=True)


def test_the_weights_one_ends_with_count_with_final() -> None:
    runs = family()
    best, final = (cb.tune(runs, max_regret=0.04, min_delta=0, final=flag, compare=()) for flag in (False, True))
    assert best.recommended is not None
    assert final.recommended is None  # the last weights are never the best here
    restored = cb.tune(runs, max_regret=0.04, min_delta=0, final=True, restore_best_weights=True, compare=())
    assert restored.recommended.rule.patience == best.recommended.rule.patience
    assert restored.recommended.rule.restore_best_weights


def test_the_policy_of_today_is_weighed_beside_the_advice() -> None:
    today = cb.tune(family(), min_delta=0, current=cb.EarlyStopping(mode="min", patience=3)).current
    assert today.rule.patience == 3
    assert today.regret.value == pytest.approx(0.2 * 4 / 6)


@pytest.mark.parametrize("wrong", [
    {"max_regret": 0.1, "budget": 0.5}, {"censored": "drop"}, {"confidence": 1.0}, {"rule": "none"}, {"resamples": 0},
    {"seed": -1}, {"patience": float("nan")}, {"max_regret": 5},
])  # fmt: skip
def test_parameters_that_cannot_be_are_refused(wrong) -> None:
    with pytest.raises(cb.ParameterError):
        cb.tune(family(), **wrong)


def test_a_mode_that_the_log_cannot_tell_is_asked_for() -> None:
    with pytest.raises(cb.ParameterError, match="give mode='min' or mode='max'"):
        cb.tune([run_of([1, 2, 3], f"r{n}", metric="val_f9") for n in range(6)], monitor="val_f9")


def test_progress_counts_the_runs_of_every_rule() -> None:
    told = []
    cb.tune(family(), min_delta=0, progress=lambda *numbers: told.append(numbers))
    assert told[-1] == (36, 36)


def test_real_runs_of_different_length_with_and_without_those_that_stopped_themselves() -> None:
    runs = cb.load_runs(TUNE)
    whole = [run for run in runs if run.name.startswith("full_")]
    mixed, alone = (cb.tune(some, compare=()) for some in (runs, whole))
    kinds = {
        item.run[:4]: {other.kind for other in mixed.standings if other.run[:4] == item.run[:4]}
        for item in mixed.standings
    }
    assert kinds == {"full": {"whole"}, "stop": {"stopped"}}
    assert mixed.recommended.rule.patience == alone.recommended.rule.patience
    assert mixed.recommended.saved == alone.recommended.saved
    assert cb.tune([run for run in runs if run.name.startswith("stopped_")], compare=()).recommended is None
