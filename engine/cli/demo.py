"""`hark demo`: pretended work on all queues, to see Hark at work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from engine.cli.frame import actor, hark, with_engine
from engine.cli.output import tell

if TYPE_CHECKING:
    from engine import Engine

_TOLD_EVERY = 40


@hark.command()
@click.option("--rate", metavar="N", type=float, default=20.0, show_default=True, help="Jobs a second.")
@click.option(
    "--seconds", metavar="S", type=float, default=60.0, show_default=True, help="For so long; Ctrl-C stops it."
)
@click.option("--failing", metavar="PERCENT", type=float, default=4.0, show_default=True, help="So many fail for good.")
@click.option("--stop", is_flag=True, help="Stop all demo traffic on this Redis instead, wherever it is made.")
@click.option("--clean", is_flag=True, help="Stop it, and remove all demo jobs that do not run just now.")
def demo(rate: float, seconds: float, failing: float, stop: bool, clean: bool) -> None:
    """Add jobs that only pretend to work, named demo-..., to all queues: nothing is sent or changed."""
    from engine.demo import DemoTraffic

    async def work(engine: Engine) -> None:
        traffic = DemoTraffic(engine.client, engine.admin)
        if clean:
            tell(f"Removed {_counted(await traffic.clean(actor=actor()))}.")
        elif stop:
            await traffic.stop()
            tell("Demo traffic stops.")
        else:
            told = added = 0
            try:
                async for added in traffic.run(rate, seconds, failing):
                    if told % _TOLD_EVERY == 0:
                        tell(f"Added {_counted(added)}.")
                    told += 1
            finally:  # by Ctrl-C, too
                if added:
                    tell(f"Added {_counted(added)}. Take them away with `hark demo --clean`.")

    with_engine(work)


def _counted(jobs: int) -> str:
    return f"{jobs} demo job{'' if jobs == 1 else 's'}"
