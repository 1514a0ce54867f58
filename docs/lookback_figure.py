"""Draws docs/lookback.png and prints the table of docs/lookback.md: both rules on the sample logs.

python docs/lookback_figure.py
"""

from __future__ import annotations

from pathlib import Path

import cbreplay as cb
from cbreplay.plots import style

HERE = Path(__file__).parent
PATIENCES = (1, 2, 3, 5, 8)


def main() -> None:
    """Replay both rules with several patiences; draw them at patience 3."""
    runs = cb.load_runs(HERE.parent / "sample_logs")
    figure = style.figure(11.0, 2.6)
    panels = figure.subplots(1, len(runs), squeeze=False)[0]
    print("| run | " + " | ".join(f"patience {p}" for p in PATIENCES) + " |")
    print("|---|" + "---|" * len(PATIENCES))
    for run, axes in zip(runs, panels, strict=True):
        cells = []
        for patience in PATIENCES:
            keras = cb.replay(run, cb.EarlyStopping(mode="min", patience=patience)).stopped_epoch
            back = cb.replay(run, cb.LookBack(patience=patience)).stopped_epoch
            cells.append(f"{_name(keras)} / {_name(back)}")
            if patience == 3:
                metric = run.metric("val_loss")
                axes.plot(metric.epoch + 1, metric.value, color=style.VALIDATION, linewidth=1.4)
                for stop, colour, label in ((keras, style.STOP, "wait counter"), (back, style.RESTORED, "look-back")):
                    if stop is not None:
                        axes.axvline(stop + 1, color=colour, label=label, linewidth=1.5)
        axes.set_title(run.name.split("/")[0], fontsize=9, loc="left")
        axes.tick_params(labelsize=7)
        style.tidy(axes)
        print(f"| {run.name} | " + " | ".join(cells) + " |")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    figure.savefig(HERE / "lookback.png", dpi=110, metadata={"Software": None})


def _name(stop: int | None) -> str:
    return "–" if stop is None else str(stop + 1)


if __name__ == "__main__":
    main()
