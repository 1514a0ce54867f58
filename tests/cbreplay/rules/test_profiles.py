"""Profiles: any release resolves to its era, what is unknown is refused with a hint."""

import pytest

import cbreplay as cb


@pytest.mark.parametrize(
    ("name", "stopping", "checkpoint"),
    [
        ("keras-3.15.1", "D4", "M8"),
        ("keras-3.99", "D4", "M8"),
        ("keras-3.11.0", "D3", "M8"),
        ("keras-3.10", "D2", "M7"),
        ("keras-3.8", "D2", "M6"),
        ("keras-3.0.5", "D1", "M5"),
        ("keras-2.15", "C", "M4"),
        ("tf.keras-2.15", "C", "M4"),
        ("tensorflow-2.12.1", "C", "M2"),
        ("tf_keras-2.18", "C'", "M4"),
        ("tf.keras-2.3.0", "A3", "M0+"),
        ("keras-2.2.4", "A2", "M0"),
        ("keras-1.2.2", "A0", "M0-"),
    ],
)
def test_a_release_resolves_to_its_eras(name, stopping, checkpoint) -> None:
    profile = cb.resolve_profile(name)
    assert (stopping, checkpoint) == (profile.early_stopping.code, profile.model_checkpoint.code)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("pytorch-2.0", "keras-3.15"), ("keras", "framework-version"), ("tf.keras-2.16", "Keras 3"), ("keras-0.3", "1.0")],
)
def test_an_unknown_profile_is_refused_with_a_hint(name, hint) -> None:
    with pytest.raises(cb.UnknownProfileError, match=hint):
        cb.resolve_profile(name)


def test_the_list_has_every_era_once_and_resolves() -> None:
    profiles = cb.list_profiles()
    eras = {(p.early_stopping.code, p.model_checkpoint.code) for p in profiles}
    assert len(profiles) >= len(eras) >= 17
    assert profiles == [cb.resolve_profile(profile.name) for profile in profiles]
