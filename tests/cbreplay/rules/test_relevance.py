"""Generations that are held to answer alike do answer alike."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

import cbreplay as cb
from cbreplay.rules.keras.relevance import answer_key, relevant_flags

PROFILES = cb.list_profiles()
values = st.one_of(
    st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.1, 0.1 - 1e-9, math.nan, math.inf, -math.inf]),
    st.floats(-2, 2),
    st.floats(-2, 2, width=32),
    st.none(),
)
stopping = st.fixed_dictionaries(
    {"mode": st.sampled_from(["min", "max", "auto", "Min"]), "patience": st.integers(0, 3)},
    optional={
        "min_delta": st.sampled_from([0.125, -0.125, 0.1]),
        "baseline": st.sampled_from([0.25, 0.1]),
        "restore_best_weights": st.just(True),
        "start_from_epoch": st.integers(0, 2),
        "monitor": st.sampled_from(["val_loss", "val_acc", "val_auc", "val_auc_1"]),
    },
)
saving = st.fixed_dictionaries(
    {
        "filepath": st.sampled_from(["m.h5", "{epoch}.h5", "m.keras", "{loss:.1f}.keras"]),
        "mode": st.sampled_from(["min", "max", "auto"]),
        "save_best_only": st.booleans(),
    },
    optional={
        "initial_value_threshold": st.just(0.3),
        "monitor": st.sampled_from(["val_loss", "val_acc", "val_auc"]),
        "period": st.just(2),
    },
)


def answer(logs, rules, profile):
    """What a release does with the rules: its outcome, or the error that it ends with."""
    try:
        found = cb.replay(logs, rules, profile=profile.name)
    except cb.CallbackError as error:
        return error.type_name, error.epoch, error.outcome.files
    except cb.ParameterError as error:
        return type(error)
    return (found.verdict, found.stopped_epoch, found.best_epoch, found.restored_epoch, found.files, found.file_weights)


@settings(deadline=None, max_examples=80)
@given(st.lists(values, min_size=1, max_size=8), stopping, saving, st.booleans())
def test_equal_keys_give_equal_answers(curve, stopping, saving, first) -> None:
    rules = [cb.EarlyStopping(**stopping), cb.ModelCheckpoint(**saving)]
    rules = rules if first else rules[::-1]
    monitors = [rule.parameters()["monitor"] for rule in rules]
    logs = [{"loss": 1.0} | ({} if v is None else dict.fromkeys(monitors, v)) for v in curve]
    flags = relevant_flags(rules, [[row.get(monitor) for row in logs] for monitor in monitors])
    groups = {}
    for profile in PROFILES:
        groups.setdefault(answer_key(profile, flags), []).append(profile)
    for group in groups.values():
        answers = [answer(logs, rules, profile) for profile in group]
        assert all(other == answers[0] for other in answers), (group[0].name, answers)
