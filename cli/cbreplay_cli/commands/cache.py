"""``cbreplay cache``: what is kept of large event files for the next time."""

from __future__ import annotations

import click

_OFF = "off: CBREPLAY_CACHE says so, or there is no home folder to keep anything in"


@click.group("cache", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Show where the contents of large event files are kept, so that they need not be read again.

    Only files that are mostly histograms, images or graphs are kept, without these. CBREPLAY_CACHE names another
    folder, or says "off".
    """
    if context.invoked_subcommand is None:
        from cbreplay.logs import event_cache
        from cbreplay.text import plural, size

        cache = event_cache()
        if cache is None:
            click.echo(_OFF)
        else:
            kept = cache.sizes()
            click.echo(f"{cache.folder}: {plural(len(kept), 'event file')}, {size(sum(kept))}")


@command.command("clear")
def clear() -> None:
    """Take all of it away. The logs stay as they are, and are read anew the next time."""
    from cbreplay.logs import event_cache
    from cbreplay.text import size

    cache = event_cache()
    click.echo(_OFF if cache is None else f"freed {size(cache.clear())} in {cache.folder}")
