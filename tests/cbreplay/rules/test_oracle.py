"""The same decision as the real callbacks, on every recorded case."""

import oracle


def test_every_recorded_case_is_replayed_exactly() -> None:
    releases = oracle.tally(oracle.FOLDER)
    for name, release in releases.items():
        print(f"{name}: {release.matched} of {release.total}")
    wrong = [text for release in releases.values() for text in release.differences]
    assert wrong == []
    assert sum(release.total for release in releases.values()) > 500


def test_the_comparison_itself_notices_a_wrong_expectation() -> None:
    case = next(case for case in oracle.cases(oracle.FOLDER) if case["callback"] == "EarlyStopping")
    case["expect"]["wait"] += 1
    assert len(oracle.differences(case)) == 1
