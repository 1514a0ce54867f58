"""Which parts are one run, which are one session, and where one training ends and the next begins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cbreplay.logs.sessions import detach_strangers, trainings, writer_folders
from cbreplay.points import Part

LOGS = Path("logs")


def part(
    steps, writer: str = "train", started: float | None = 0.0, tag: str = "epoch_loss",
    restarts_at: int | None = None, name: str | None = None,
) -> Part:  # fmt: skip
    """One tag, a point a second from ``started`` on."""
    step = np.array(list(steps), np.int64)
    return Part(
        path=name or f"{writer}/{started}", writer=writer, started=started, tags=(tag,),
        tag_id=np.zeros(len(step), np.int32), step=step, value=np.zeros(len(step)), restarts_at=restarts_at,
        wall_time=np.arange(len(step)) + (np.nan if started is None else started),
    )  # fmt: skip


def shown(parts) -> list[list[tuple[int | None, int | None, int]]]:
    """(first step, last step, replaced points) of each session of each training."""
    return [[(s.first_step, s.last_step, s.replaced) for s in t.sessions] for t in trainings(parts)]


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (["."], {".": (".", "")}),
        (["a", "b/c"], {"a": ("a", ""), "b/c": ("b/c", "")}),
        (["train", "validation"], {"train": (".", "train"), "validation": (".", "validation")}),
        (["x/train"], {"x/train": ("x", "train")}),
        (["x/validation"], {"x/validation": ("x", "validation")}),
        *(
            ([f"x/{half}", "x/train"], {f"x/{half}": ("x", half), "x/train": ("x", "train")})
            for half in ("validation", "val", "valid", "eval", "test")
        ),
        *(([f"x/{half}"], {f"x/{half}": (f"x/{half}", "")}) for half in ("val", "valid", "eval", "test")),
        (["x/train", "x/custom"], {"x/train": ("x", "train"), "x/custom": ("x", "custom")}),
        (["x/train", "x"], {"x/train": ("x", "train"), "x": ("x", "")}),
        (["x/train", "x/a/b"], {"x/train": ("x", "train"), "x/a/b": ("x/a/b", "")}),
        (["x/train", "y"], {"x/train": ("x", "train"), "y": ("y", "")}),
        (["train", "run_a/train"], {"train": (".", "train"), "run_a/train": ("run_a", "train")}),
    ],
)
def test_halves_and_writers_beside_them_are_one_run_and_nothing_else_is(folders, expected) -> None:
    found = writer_folders({LOGS / folder: {"epoch_loss", "epoch_accuracy"} for folder in folders}, LOGS)
    assert {LOGS / f: (LOGS / root, writer) for f, (root, writer) in expected.items()} == found


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"x": {"a"}, "x/losses_train": {"losses"}}, {"x": ("x", ""), "x/losses_train": ("x", "losses_train")}),
        ({"x": {"a"}, "x/losses/train": {"losses"}}, {"x": ("x", ""), "x/losses/train": ("x", "losses/train")}),
        ({"x": {"a"}, "x/1700.5": {"hparam/acc"}}, {"x": ("x", ""), "x/1700.5": ("x", "1700.5")}),
        ({"x": {"a"}, "x/other": {"losses"}}, {"x": ("x", ""), "x/other": ("x/other", "")}),
        ({"x": {"a"}, "x/run": {"a", "b"}}, {"x": ("x", ""), "x/run": ("x/run", "")}),
        ({"learn": {"logloss"}, "test": {"logloss"}}, {"learn": (".", "learn"), "test": (".", "test")}),
        ({"learn": {"logloss"}}, {"learn": ("learn", "")}),
    ],
)
def test_what_add_scalars_add_hparams_and_catboost_write_belongs_to_the_run_above(tags, expected) -> None:
    found = writer_folders({LOGS / folder: names for folder, names in tags.items()}, LOGS)
    assert {LOGS / f: (LOGS / root, writer) for f, (root, writer) in expected.items()} == found


@pytest.mark.parametrize("half", ["train", "validation"])
def test_a_half_that_is_itself_the_log_folder_stays_a_half_and_the_run_stays_inside(tmp_path, half: str) -> None:
    folder = tmp_path / half
    folder.mkdir()
    assert {folder: (folder, half)} == writer_folders({folder: {"epoch_loss"}}, folder)


def test_a_half_that_is_the_log_folder_swallows_no_run_below_it(tmp_path) -> None:
    folder = tmp_path / "train"
    (folder / "run").mkdir(parents=True)
    found = writer_folders({folder: {"epoch_loss"}, folder / "run": {"epoch_loss"}}, folder)
    assert {folder: (folder, "train"), folder / "run": (folder / "run", "")} == found


@pytest.mark.parametrize(
    ("started", "own"),
    [(100.0, True), (41.0, True), (150.0, True), (165.0, True), (20.0, False), (200.0, False), (None, True)],
)
def test_a_writer_that_was_not_at_work_with_the_halves_is_a_run_of_its_own(started, own: bool) -> None:
    halves = [part(range(5), "train", 100.0), part(range(5), "validation", 102.0)]
    other = part([0], "custom", started) if started is not None else part([], "custom", None)
    kept, strangers = detach_strangers([*halves, other])
    assert ([*halves, other], []) == (kept, strangers) if own else (halves, [other]) == (kept, strangers)


def test_without_halves_nobody_is_a_stranger() -> None:
    parts = [part([0], "", 0.0), part([0], "", 9e9)]
    assert (parts, []) == detach_strangers(parts)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([part(range(5))], [[(0, 4, 0)]], id="one file"),
        pytest.param(
            [part(range(5)), part(range(5), "validation", 1.0)], [[(0, 4, 0)]], id="two halves, one session",
        ),
        pytest.param([part(range(5)), part(range(5, 9), started=50.0)], [[(0, 4, 0), (5, 8, 0)]], id="resumed"),
        pytest.param([part(range(5)), part(range(3, 9), started=50.0)], [[(0, 4, 2), (3, 8, 0)]], id="overlapping"),
        pytest.param(
            [part(range(5)), part(range(5), started=50.0)], [[(0, 4, 0)], [(0, 4, 0)]], id="from its first step",
        ),
        pytest.param(
            [part(range(3, 6)), part(range(2, 9), started=50.0)], [[(3, 5, 0)], [(2, 8, 0)]], id="from before it",
        ),
        pytest.param(
            [part(range(5)), part(range(5, 9), started=50.0), part(range(3), started=99.0)],
            [[(0, 4, 0), (5, 8, 0)], [(0, 2, 0)]], id="resumed, then another",
        ),
        pytest.param(
            [part(range(10)), part(range(5, 10), started=50.0), part(range(8, 13), started=99.0)],
            [[(0, 9, 5), (5, 9, 2), (8, 12, 0)]], id="resumed twice",
        ),
        pytest.param(
            [part(range(10)), part(range(6, 8), started=50.0), part(range(3, 9), started=99.0)],
            [[(0, 9, 7), (6, 7, 2), (3, 8, 0)]], id="resumed, then resumed from before that",
        ),
        pytest.param(
            [part(range(5, 9), started=50.0), part(range(5))], [[(0, 4, 0), (5, 8, 0)]], id="given in any order",
        ),
        pytest.param([part(range(2)), part(range(2, 9), started=9.0), part(range(9), "validation", 1.0)],
                     [[(0, 8, 7), (2, 8, 0)]], id="a half that ends early, its other half goes on"),
        pytest.param(
            [part([]), part(range(5), started=50.0)], [[(None, None, 0), (0, 4, 0)]], id="died at once, then ran",
        ),
        pytest.param(
            [part(range(5)), part([], started=50.0)], [[(0, 4, 0), (None, None, 0)]], id="ran, then died at once",
        ),
        pytest.param([part(range(9)), part([6, 7], started=50.0, restarts_at=5)],
                     [[(0, 8, 4), (6, 7, 0)]], id="a declared step below its first"),
        pytest.param([part(range(9)), part([6, 7], started=50.0, restarts_at=7)],
                     [[(0, 8, 3), (6, 7, 0)]], id="a declared step above its first"),
        pytest.param([part([20, 40], tag="evaluation_loss_vs_iterations"),
                      part([60], tag="evaluation_loss_vs_iterations", started=50.0)],
                     [[(None, None, 0), (None, None, 0)]], id="iterations are no epochs"),
        pytest.param([part(range(3), started=None, name="a"), part(range(2), started=None, name="a")],
                     [[(0, 2, 0)], [(0, 1, 0)]], id="pieces without a time stay in their order"),
    ],
)  # fmt: skip
def test_trainings_and_their_sessions(parts, expected) -> None:
    assert expected == shown(parts)


def test_an_empty_file_does_not_change_the_order_of_the_others() -> None:
    parts = [
        part([], "train", None, name="train/0"), part(range(3), "train", 10.0), part(range(5), "train", 50.0),
        part(range(3), "validation", 11.0), part(range(5), "validation", 51.0),
    ]  # fmt: skip
    assert [t.sessions[-1].started for t in trainings(parts)] == [10.0, 50.0]


def test_a_training_knows_whose_each_part_is_and_from_where_it_is_replaced() -> None:
    first, val, second = part(range(5)), part(range(5), "validation", 1.0), part(range(3, 9), started=50.0)
    (training,) = trainings([second, first, val])
    assert ((first, val, second), (0, 0, 1), (3, 3, None)) == (
        training.parts, training.session_of, training.replaced_from,
    )  # fmt: skip
    assert tuple(t for s in training.sessions for t in (s.started, s.ended)) == (0.0, 5.0, 50.0, 55.0)
    assert tuple(s.sources for s in training.sessions) == (("train/0.0", "validation/1.0"), ("train/50.0",))


def test_one_session_of_a_training_is_itself_with_nothing_replaced() -> None:
    first, second = part(range(5)), part(range(3, 9), started=50.0)
    (training,) = trainings([first, second])
    alone = training.only(0)
    assert ((first,), (0,), (None,), training.sessions[:1]) == (
        alone.parts, alone.session_of, alone.replaced_from, alone.sessions,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("tag", "counts"),
    [
        ("epoch_loss", True), ("loss", True), ("evaluation_loss", True), ("stepwise", True),
        ("evaluation_loss_vs_iterations", False), ("batch_loss", False), ("hparam/lr", False),
    ],
)  # fmt: skip
def test_steps_of_batches_and_iterations_are_not_those_of_a_session(tag: str, counts: bool) -> None:
    assert [[(1, 2, 0) if counts else (None, None, 0)]] == shown([part([1, 2], tag=tag)])


def test_beside_keras_own_tags_no_other_writer_says_where_a_session_begins() -> None:
    keras = part(range(3)), part([2, 3], started=50.0)
    parts = [*keras, part(range(50), "custom", 1.0, "x"), part([0], "custom", 51.0, "x")]
    assert shown(parts) == [[(0, 2, 1), (2, 3, 0)]]


def test_two_fits_that_begin_within_one_second_are_told_apart_by_their_first_points() -> None:
    """TensorFlow cuts the time of a file's creation to whole seconds."""
    parts = [
        replace(part(steps, writer, points, name=f"{writer}/{number}"), started=float(int(points)))
        for number, (writer, steps, points) in enumerate(
            [("train", range(5), 7.1), ("validation", range(5), 7.2), ("train", range(5, 7), 12.3),
             ("validation", range(5, 7), 12.4)]
        )
    ]  # fmt: skip
    parts = [replace(item, started=7.0 if item.path != "validation/3" else 12.0) for item in parts]
    assert shown(parts) == [[(0, 4, 0), (5, 6, 0)]]
