"""`hark alerts`: what is wrong now by the rules, and who knows of it."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

import click

from engine.cli.frame import Group, actor, debug_option, hark, reasoned, with_engine
from engine.cli.output import moment, print_json, span_text, tell
from engine.errors import NotFoundError
from engine.model import Alert

if TYPE_CHECKING:
    from engine import Engine


@hark.group(cls=Group, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_context
def alerts(context: click.Context, as_json: bool) -> None:
    """List open alerts, the worst first; acknowledge or snooze one for all who watch.

    Their thresholds are the settings HARK_ALERT_...; a headless worker logs when an alert begins and ends.
    """
    if context.invoked_subcommand is not None:
        return
    found = with_engine(lambda engine: engine.monitor.alerts())
    if as_json:
        print_json([dataclasses.asdict(alert) for alert in found])
    elif not found:
        tell("No alert is open.")
    for alert in () if as_json else found:
        age_ms = time.time() * 1000 - alert.began_at_ms
        # One that nobody watched before this command is as old as the command.
        since = f", for {span_text(age_ms)}" if age_ms >= 1000 else ""
        tell(f"{alert.severity.value.upper():<9} {alert.key}{since}{_known(alert)}")
        tell(f"{'':9} {alert.message}")
        tell(f"{'':9} -> {alert.remedy}")


alerts.params.append(debug_option())


@alerts.command("ack")
@click.argument("key")
@reasoned
def acknowledge(key: str, reason: str) -> None:
    """Acknowledge the open alert KEY: nobody is told of it any more until it ends."""

    async def work(engine: Engine) -> None:
        found = [alert.key for alert in await engine.monitor.alerts()]
        if key not in found:
            names = f"Open are: {', '.join(found)}." if found else "No alert is open."
            raise NotFoundError(f"The alert {key!r} is not open.", names)
        await engine.admin.acknowledge_alert(key, actor=actor(), reason=reason)

    with_engine(work)
    tell(f"{key} is acknowledged: nobody is told of it until it ends.")


@alerts.command("snooze")
@click.argument("key")
@click.option("--minutes", type=click.IntRange(min=1), default=30, show_default=True, help="For how long.")
@reasoned
def snooze(key: str, minutes: int, reason: str) -> None:
    """Tell nobody of the alert KEY for some time, whether it is open or only begins then."""
    silence = with_engine(lambda engine: engine.admin.snooze_alert(key, minutes, actor=actor(), reason=reason))
    tell(f"{key} is snoozed until {moment(silence.until_ms or silence.at_ms)}.")


@alerts.command("unsilence")
@click.argument("key")
@reasoned
def unsilence(key: str, reason: str) -> None:
    """Take the acknowledgement or the snooze of the alert KEY back."""
    with_engine(lambda engine: engine.admin.unsilence_alert(key, actor=actor(), reason=reason))
    tell(f"{key} is told of again.")


def _known(alert: Alert) -> str:
    silence = alert.silence
    if silence is None:
        return ""
    how = "acknowledged" if silence.until_ms is None else f"snoozed until {moment(silence.until_ms)}"
    return f", {how} by {silence.actor}" + (f" ({silence.reason})" if silence.reason else "")
