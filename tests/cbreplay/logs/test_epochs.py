"""How steps become epochs, and which of several values of an epoch counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbreplay.logs.epochs import Placing, by_epoch
from cbreplay.logs.sessions import Training, trainings
from cbreplay.points import Part
from cbreplay.run import EpochAxis


def part(
    steps: dict[str, list[int]], writer: str = "", started: float = 0.0, values: list[float] | None = None,
    exact: bool = False,
) -> Part:  # fmt: skip
    """The points of each tag one after the other; values are the steps unless given, a second between points."""
    tags = tuple(steps)
    step = np.array([step for tag in tags for step in steps[tag]], np.int64)
    return Part(
        path=f"{writer}/{started}", writer=writer, started=started, tags=tags,
        tag_id=np.repeat(np.arange(len(tags), dtype=np.int32), [len(steps[tag]) for tag in tags]), step=step,
        wall_time=np.arange(len(step)) + started, value=np.array(step if values is None else values, np.float64),
        exact=exact,
    )  # fmt: skip


def single(*parts: Part) -> Training:
    (training,) = trainings(parts)
    return training


def shown(*parts: Part, hint: str = "events") -> tuple[str, int, dict[str, list[int]]]:
    """The kind and base of the axis, and the epochs of each metric."""
    axis, metrics, _ = by_epoch(single(*parts), hint)
    return axis.kind, axis.base, {name: metric.epoch.tolist() for name, metric in metrics.items()}


def kept(*parts: Part, hint: str = "events") -> tuple[dict[int, float], list[str]]:
    """The value of each epoch of the only metric, and the notes."""
    _, metrics, notes = by_epoch(single(*parts), hint)
    (metric,) = metrics.values()
    return dict(zip(metric.epoch.tolist(), metric.value.tolist(), strict=True)), notes


@pytest.mark.parametrize(
    ("steps", "writer", "hint", "expected"),
    [
        pytest.param({"epoch_loss": [0, 1, 2]}, "train", "events", ("epoch", 0, {"loss": [0, 1, 2]}), id="keras"),
        pytest.param({"epoch_loss": [1, 2]}, "train", "events", ("epoch", 0, {"loss": [1, 2]}), id="keras from 1"),
        pytest.param({"epoch_loss": [0, 3]}, "train", "events", ("epoch", 0, {"loss": [0, 3]}), id="keras, a hole"),
        pytest.param({"loss": [0, 1, 2]}, "", "events", ("epoch", 0, {"loss": [0, 1, 2]}), id="epochs from 0"),
        pytest.param({"loss": [1, 2, 3]}, "", "events", ("epoch", 1, {"loss": [0, 1, 2]}), id="epochs from 1"),
        pytest.param({"loss": [1, 2, 3]}, "train", "events", ("epoch", 1, {"loss": [0, 1, 2]}), id="also in train/"),
        pytest.param({"loss": [50, 100]}, "", "events", ("evaluation", 0, {"loss": [0, 1]}), id="optimizer steps"),
        pytest.param({"loss": [-1, 0, 1]}, "", "events", ("evaluation", 0, {"loss": [0, 1, 2]}), id="from minus one"),
        pytest.param(
            {"loss": [*range(0, 100, 10)], "val/loss": [45, 95]}, "", "events",
            ("evaluation", 0, {"loss": [0, 1], "val/loss": [0, 1]}), id="evaluations on the axis of steps",
        ),
        pytest.param(
            {"loss": [*range(1, 9)], "val_loss": [2, 4, 6, 8]}, "", "events",
            ("epoch", 1, {"loss": [*range(8)], "val_loss": [1, 3, 5, 7]}), id="validated every second epoch",
        ),
        pytest.param({"loss": [0, 1, 2]}, "", "epoch", ("epoch", 0, {"loss": [0, 1, 2]}), id="column from 0"),
        pytest.param({"loss": [1, 2, 3]}, "", "epoch", ("epoch", 1, {"loss": [0, 1, 2]}), id="column from 1"),
        pytest.param({"loss": [5, 6]}, "", "epoch", ("epoch", 0, {"loss": [5, 6]}), id="column from the middle"),
        pytest.param({"loss": [0, 1]}, "", "row", ("epoch", 0, {"loss": [0, 1]}), id="rows"),
        pytest.param({"loss": [0, 1, 2]}, "", "step", ("epoch", 0, {"loss": [0, 1, 2]}), id="steps that count epochs"),
        pytest.param({"loss": [8, 16]}, "", "step", ("evaluation", 0, {"loss": [0, 1]}), id="steps that do not"),
        pytest.param({"evaluation_loss_vs_iterations": [5, 10]}, "", "events", ("epoch", 0, {}), id="iterations only"),
        pytest.param({}, "", "events", ("epoch", 0, {}), id="nothing"),
    ],
)  # fmt: skip
def test_the_axis_and_the_epochs_of_each_metric(steps, writer, hint, expected) -> None:
    assert expected == shown(part(steps, writer), hint=hint)


def test_how_epochs_were_found_is_said_in_a_sentence() -> None:
    sentences = {
        by_epoch(single(part(steps)), hint)[0].sentence
        for steps, hint in [
            ({"epoch_loss": [0]}, "events"), ({"a": [1, 2]}, "events"), ({"a": [50, 90]}, "events"),
            ({"a": [0]}, "row"), ({"a": [1]}, "epoch"), ({}, "events"),
        ]
    }  # fmt: skip
    assert sentences == {
        "the step is Keras' 0-based epoch", "the step counts epochs from 1", "no values",
        "steps 50 to 90 are no epochs: evaluations are counted from 0", "the epoch column counts from 1",
        "no epoch column: rows are numbered from 0",
    }  # fmt: skip


def test_of_the_steps_up_to_an_evaluation_the_last_value_counts() -> None:
    values = [*map(float, range(10)), 100.0, 200.0]
    training = single(part({"loss": [*range(0, 100, 10)], "val_loss": [45, 95]}, values=values))
    _, metrics, _ = by_epoch(training, "events")
    assert (metrics["loss"].value.tolist(), metrics["val_loss"].value.tolist()) == ([4.0, 9.0], [100.0, 200.0])


@pytest.mark.parametrize(
    ("tags", "writer", "names"),
    [
        (["epoch_loss"], "train", ["loss"]), (["epoch_loss"], "validation", ["val_loss"]), (["loss"], "", ["loss"]),
        (["epoch_loss"], "val", ["val_loss"]), (["val_loss"], "validation", ["val_loss"]),
        (["epoch_loss", "x"], "custom", ["custom/epoch_loss", "custom/x"]),
        (["epoch_loss", "loss"], "train", ["loss", "train/loss"]), (["epoch_loss", "loss"], "", ["loss", "./loss"]),
        (["epoch_loss", "epoch_val_loss"], "validation", ["val_loss", "validation/epoch_val_loss"]),
        (["epoch_loss", "batch_loss", "evaluation_loss_vs_iterations"], "train", ["loss"]),
        (["val_loss ", "Val_Loss", "val_loss", "../x"], "", ["val_loss ", "Val_Loss", "val_loss", "../x"]),
    ],
)  # fmt: skip
def test_metrics_have_keras_names_and_none_hides_another(tags, writer, names) -> None:
    _, metrics, _ = by_epoch(single(part({tag: [0, 1] for tag in tags}, writer)), "events")
    assert names == list(metrics)
    assert names == [metric.name for metric in metrics.values()]


def test_a_metric_says_where_it_was_read_and_whether_it_has_all_digits() -> None:
    parts = part({"epoch_loss": [0]}, "train"), part({"epoch_loss": [0]}, "x", exact=True)
    _, metrics, _ = by_epoch(single(*parts), "events")
    assert [(m.origin, m.exact) for m in metrics.values()] == [("train/epoch_loss", False), ("x/epoch_loss", True)]


@pytest.mark.parametrize(
    ("other", "tag", "name"), [("test", "epoch_loss", "val_loss"), ("", "loss", "loss"), ("", "val_loss", "val_loss")]
)
def test_keras_own_halves_have_the_names_whoever_started_first(other: str, tag: str, name: str) -> None:
    steps = {"epoch_loss": [0, 1]}
    halves = part(steps, "train", 1.0, [1, 2]), part(steps, "validation", 2.0, [3, 4])
    _, metrics, _ = by_epoch(single(part({tag: [0, 1]}, other, 0.0, [8, 9]), *halves), "events")
    assert ([3, 4] if name == "val_loss" else [1, 2]) == metrics[name].value.tolist()


@pytest.mark.parametrize(
    ("steps", "values", "expected", "notes"),
    [
        ([0, 1, 2], [5, 6, 7], {0: 5, 1: 6, 2: 7}, []),
        ([2, 0, 1], [5, 6, 7], {0: 6, 1: 7, 2: 5}, ["the steps of 1 metrics are not in order: sorted"]),
        ([0, 0, 1], [5, 6, 7], {0: 6, 1: 7}, ["1 steps were written more than once: the value written last counts"]),
        ([1, 0, 1], [5, 6, np.nan], {0: 6, 1: np.nan}, [
            "the steps of 1 metrics are not in order: sorted",
            "1 steps were written more than once: the value written last counts",
        ]),
    ],
)  # fmt: skip
def test_shuffled_steps_are_sorted_and_of_repeated_ones_the_last_counts(steps, values, expected, notes) -> None:
    found, told = kept(part({"epoch_loss": steps}, "train", values=values))
    assert (notes, list(expected)) == (told, list(found))
    np.testing.assert_array_equal(list(expected.values()), list(found.values()))


@given(st.lists(st.tuples(st.integers(0, 20), st.floats(allow_nan=False)), min_size=1, max_size=40))
def test_the_value_of_an_epoch_is_the_one_written_last(points) -> None:
    steps, values = [step for step, _ in points], [value for _, value in points]
    _, metrics, _ = by_epoch(single(part({"epoch_loss": steps}, "train", values=values)), "events")
    assert sorted(dict(points).items()) == list(zip(metrics["loss"].epoch, metrics["loss"].value, strict=True))


def test_a_resumed_session_replaces_from_its_first_step_and_says_how_many() -> None:
    first = part({"epoch_loss": [0, 1, 2, 3, 4]}, "train", values=[0, 1, 2, 3, 4])
    second = part({"epoch_loss": [3, 4, 5]}, "train", 100.0, [13, 14, 15])
    found, notes = kept(first, second)
    assert found == {0: 0, 1: 1, 2: 2, 3: 13, 4: 14, 5: 15}
    resumes = "session 2 resumes at epoch 4 (step 3), where callbacks start afresh"
    assert [f"{resumes}; it replaces 2 points that were written before"] == notes


def test_a_later_session_replaces_even_what_it_did_not_reach() -> None:
    first = part({"epoch_loss": [0, 1, 2, 3, 4]}, "train", values=[0, 1, 2, 3, 4])
    found, notes = kept(first, part({"epoch_loss": [2]}, "train", 100.0, [12]))
    assert found == {0: 0, 1: 1, 2: 12}
    assert ["replaces 3 points" in note for note in notes] == [True]


def test_a_session_that_goes_on_replaces_nothing_and_leaves_a_hole_a_hole() -> None:
    found, notes = kept(part({"epoch_loss": [0, 1]}, "train"), part({"epoch_loss": [4, 5]}, "train", 100.0))
    assert list(found) == [0, 1, 4, 5]
    assert notes == ["session 2 resumes at epoch 5 (step 4), where callbacks start afresh"]


def test_epochs_from_1_resume_at_the_epoch_that_people_count() -> None:
    _, notes = kept(part({"loss": [1, 2, 3]}), part({"loss": [3, 4]}, "", 100.0))
    assert ["session 2 resumes at epoch 3 (step 3)" in note for note in notes] == [True]


def test_each_resume_is_noted_with_the_points_that_it_replaced_itself() -> None:
    spans = enumerate([(0, 10), (5, 10), (8, 13)])
    _, notes = kept(*(part({"epoch_loss": list(range(*span))}, "train", 100.0 * n) for n, span in spans))
    assert [note.partition("replaces ")[2][:8] for note in notes] == ["5 points", "2 points"]


def test_one_session_is_read_on_the_axis_of_the_whole_training() -> None:
    axis, metrics, _ = by_epoch(single(part({"loss": [5, 6]})), "events", Placing(EpochAxis("epoch", 1, "known")))
    assert (axis.sentence, metrics["loss"].epoch.tolist()) == ("known", [4, 5])


def test_a_value_that_is_in_no_epoch_is_told() -> None:
    found, notes = kept(part({"loss": [-1, 0, 1]}), hint="epoch")
    assert len(found) == 3 or notes


def test_a_counter_of_batches_beside_keras_tags_is_left_out_and_named() -> None:
    keras = [part({"epoch_loss": [0, 1]}, "train"), part({"epoch_loss": [0, 1]}, "validation", 1.0)]
    _, metrics, notes = by_epoch(single(*keras, part({"x": list(range(50))}, "custom", 2.0)), "events")
    assert list(metrics) == ["loss", "val_loss"]
    assert notes == ["'custom/x' count other steps than epochs: left out of the metrics by epoch"]


@pytest.mark.parametrize(
    ("steps", "hint", "expected"),
    [
        ([1, 2, 3], "from-0", ("epoch", 0, [1, 2, 3])),
        ([0, 1, 2], "from-1", ("epoch", 1, [0, 1])),  # step 0 is before the first epoch
        ([3, 5, 9], "evaluations", ("evaluation", 0, [0, 1, 2])),
        ([10, 20, 30], "from-0", ("epoch", 0, [10, 20, 30])),
    ],
)
def test_a_given_axis_overrides_what_the_log_would_tell(steps, hint, expected) -> None:
    kind, base, epochs = shown(part({"epoch_loss": steps}, "validation"), hint=hint)
    assert (kind, base, epochs["val_loss"]) == expected


def test_a_given_axis_is_said_to_be_given() -> None:
    axis, _, notes = by_epoch(single(part({"epoch_loss": [0, 1, 2]}, "validation")), "from-1")
    assert axis.sentence == "as given, the step counts epochs from 1"
    assert notes == ["1 values lie before the first epoch: left out"]
