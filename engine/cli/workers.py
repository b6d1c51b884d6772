"""`hark worker` and `hark api`: what runs until it is told to stop."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext

import click

from engine import log
from engine.cli.frame import Switches, hark, read_settings
from engine.cli.output import tell
from engine.queues import require_queue


@hark.command()
@click.option("--queue", "names", metavar="NAME", multiple=True, help="Serve only this queue; may be repeated.")
@click.option("--api", "with_api", is_flag=True, help="Serve the HTTP API as well.")
@click.option("--embedded", is_flag=True, hidden=True, help="End with the standard input: for the app's child.")
@click.option("--quiet", is_flag=True, hidden=True, help="Log nothing but the program's own end.")
@click.pass_obj
def worker(switches: Switches, names: tuple[str, ...], with_api: bool, embedded: bool, quiet: bool) -> None:
    """Run jobs until SIGTERM or Ctrl-C, then finish what is active. Logs its health every 30 s."""
    if quiet:
        log.configure(level=logging.CRITICAL)
    elif not embedded:
        log.configure(debug=switches.debug, level=logging.INFO)
    for name in names:
        require_queue(name)
    from engine.worker.lean import without_fastapi

    with without_fastapi():
        from engine.worker.pool import run_worker

    settings = read_settings()
    beside: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    if with_api:
        from engine.api import serving_api

        beside = functools.partial(serving_api, settings, tell)
    run_worker(settings, names or None, embedded, beside)


@hark.command()
@click.option("--host", metavar="ADDRESS", help="Where to listen, 127.0.0.1 by default; 0.0.0.0: on every network.")
@click.option("--port", metavar="N", type=click.IntRange(0, 65535), help="The port, 3210 by default; 0: any free one.")
def api(host: str | None, port: int | None) -> None:
    """Serve the HTTP API until SIGTERM or Ctrl-C."""
    from engine.api import run_api

    given = {"api_host": host, "api_port": port}
    run_api(read_settings(**{name: value for name, value in given.items() if value is not None}), tell)
