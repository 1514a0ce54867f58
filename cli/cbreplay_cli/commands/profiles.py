"""``cbreplay profiles``: the generations of Keras, and what each decides differently."""

from __future__ import annotations

import click

from ..options import json_option


@click.command("profiles")
@json_option
def command(as_json: bool) -> None:
    """List the generations of Keras' callbacks and what each changed; any release can be named."""
    import cbreplay as cb
    from cbreplay.jsonable import to_json

    profiles = cb.list_profiles()
    if as_json:
        click.echo(to_json({"schema": 1, "profiles": [profile.to_dict() for profile in profiles]}))
        return
    from ..terminal import console, line

    out = console()
    seen: set[str] = set()
    for profile in profiles:
        out.print(profile.name, style="bold cyan")
        for label, era in (
            ("stopping", profile.early_stopping),
            ("saving", profile.model_checkpoint),
            ("rate", profile.reduce_lr),
        ):
            if era.code not in seen:
                line(out, label, f"{era.releases}: {era.differs}")
                seen.add(era.code)
    out.print()
    out.print("Each line says what changed against the generation before. Any release can be named: keras-2.13.1.")
    out.print("keras-3.15+numpy is Keras 3 on the NumPy backend, which compares in float64.")
