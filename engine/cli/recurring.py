"""`hark schedules`: recurring jobs."""

from __future__ import annotations

import dataclasses
import json

import click

from engine.cli.frame import Group, actor, debug_option, hark, unlocking, with_engine
from engine.cli.output import print_json, print_table, tell
from engine.errors import BadInputError
from engine.model import Schedule


@hark.group(cls=Group, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_context
def schedules(context: click.Context, as_json: bool) -> None:
    """List recurring jobs, add or remove them, switch them on and off, run one now.

    Times are shown in each schedule's own time zone.
    """
    if context.invoked_subcommand is not None:
        return
    found = with_engine(lambda engine: engine.admin.schedules())
    if as_json:
        print_json([dataclasses.asdict(schedule) for schedule in found])
    elif not found:
        tell("There are no recurring jobs. A worker installs Hark's own when it starts.")
    else:
        rows = [("ID", "JOB", "STATE", "WHEN", "NEXT", "LAST", "LAST JOB")]
        for one in found:
            state = "on" if one.enabled else "off"
            times = (_slot(one, one.next_at_ms), _slot(one, one.last_at_ms))
            rows.append((one.id, one.job_name, state, _when(one), *times, one.last_job or "-"))
        print_table(rows, left=len(rows[0]))


schedules.params.append(debug_option())


@schedules.command("add")
@click.argument("schedule_id", metavar="ID")
@click.option("--job", "job_name", metavar="NAME", required=True, help="The kind of job, such as sync-inbox.")
@click.option("--args", "arguments", metavar="JSON", default="{}", show_default=True, help="Its arguments.")
@click.option("--cron", metavar="CRON", help='Minute, hour, day, month, day of week, such as "*/30 * * * *".')
@click.option("--timezone", metavar="ZONE", help="Whose clock the cron means; this machine's where none is given.")
@click.option("--every", metavar="TIME", help="An interval in place of a cron, such as 10m or 1h30m.")
@unlocking
def add_schedule(
    schedule_id: str, job_name: str, arguments: str, cron: str | None, timezone: str | None, every: str | None
) -> None:
    """Add a recurring job named ID, by --cron or by --every."""
    if (cron is None) == (every is None):
        raise click.UsageError('Give either --cron "*/30 * * * *" or --every 30m.')
    from engine.job_types import job_payload
    from engine.schedules import parse_interval_ms

    try:
        values = json.loads(arguments)
    except ValueError as error:
        raise BadInputError(f"--args is not JSON: {error}.", """Write it like '{"title": "Milk"}'.""") from error
    if not isinstance(values, dict):
        raise BadInputError("--args is not a JSON object.", """Write it like '{"title": "Milk"}'.""")
    payload = job_payload(job_name, values)
    every_ms = None if every is None else parse_interval_ms(every)
    added = with_engine(
        lambda engine: engine.admin.add_schedule(
            schedule_id, payload, cron=cron, timezone=timezone, every_ms=every_ms, actor=actor()
        )
    )
    tell(f"{schedule_id} is added to {added.queue}. It runs next at {_slot(added, added.next_at_ms)}.")


@schedules.command("on")
@click.argument("schedule_id", metavar="ID")
@unlocking
def enable_schedule(schedule_id: str) -> None:
    """Switch ID on; what it missed is not made up for."""
    one = with_engine(lambda engine: engine.admin.set_schedule_enabled(schedule_id, True, actor=actor()))
    tell(f"{schedule_id} is on. It runs next at {_slot(one, one.next_at_ms)}.")


@schedules.command("off")
@click.argument("schedule_id", metavar="ID")
@unlocking
def disable_schedule(schedule_id: str) -> None:
    """Switch ID off without removing it."""
    with_engine(lambda engine: engine.admin.set_schedule_enabled(schedule_id, False, actor=actor()))
    tell(f"{schedule_id} is off.")


@schedules.command("run")
@click.argument("schedule_id", metavar="ID")
@unlocking
def run_schedule(schedule_id: str) -> None:
    """Add the job of ID now; its times stay."""
    job_id = with_engine(lambda engine: engine.admin.run_schedule_now(schedule_id, actor=actor()))
    tell(f"Added job {job_id}.")


@schedules.command("remove")
@click.argument("schedule_id", metavar="ID")
@unlocking
def remove_schedule(schedule_id: str) -> None:
    """Remove ID; jobs that it added stay."""
    with_engine(lambda engine: engine.admin.remove_schedule(schedule_id, actor=actor()))
    tell(f"{schedule_id} is removed.")


def _when(schedule: Schedule) -> str:
    from engine.schedules import interval_text

    if schedule.cron is not None:
        return f"{schedule.cron} ({schedule.timezone})"
    return "-" if schedule.every_ms is None else f"every {interval_text(schedule.every_ms)}"


def _slot(schedule: Schedule, at_ms: int | None) -> str:
    from engine.schedules import in_zone

    if at_ms is None:
        return "-"
    try:
        return in_zone(at_ms, schedule.timezone).isoformat(" ", "seconds")
    except BadInputError:
        # Added on a machine that knows more zones, or a spoilt record: the list must be shown nevertheless.
        return f"{at_ms} ms"
