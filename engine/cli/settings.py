"""`hark settings`: what is set and from where, changed and tried out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from engine.cli.frame import Group, debug_option, hark, read_settings
from engine.cli.output import on_terminal, print_json, print_table, tell
from engine.errors import BadInputError, HarkError, NotSetUpError

if TYPE_CHECKING:
    from engine.settings.views import SettingView


@hark.group(cls=Group, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_context
def settings(context: click.Context, as_json: bool) -> None:
    """List the settings with their sources, change them, try the services out.

    A secret is told as set or not set, never shown.
    """
    if context.invoked_subcommand is not None:
        return
    from engine.settings.views import setting_views

    views = setting_views()
    if as_json:
        print_json([_as_json(view) for view in views])
        return
    # Of the queues only what somebody has changed: the rest is their defaults.
    shown = [view for view in views if view.group != "Queues" or view.is_set]
    print_table([("SETTING", "VALUE", "SOURCE"), *((view.name, _value(view), _source(view)) for view in shown)], left=3)


settings.params.append(debug_option())


def _named(_context: click.Context, _parameter: click.Parameter, given: str) -> str:
    from engine.settings.fields import name_of

    return name_of(given)


_setting = click.argument("name", callback=_named)
"""A setting by its name, or as its environment variable is called."""


@settings.command("set")
@_setting
@click.argument("value")
def set_value(name: str, value: str) -> None:
    """Write VALUE of the setting NAME into the settings file, such as lease_ms or queues.synthesis.attempts."""
    from engine.settings.editing import change_setting
    from engine.settings.views import setting_view

    change_setting(name, value)
    view = setting_view(name)
    tell(f"{name} is {_value(view)}. {view.effect}")


@settings.command("secret")
@_setting
def set_secret(name: str) -> None:
    """Keep the secret NAME, asked for or read from the standard input, in the keyring."""
    from engine.settings.editing import keep_setting_secret
    from engine.settings.views import setting_view

    view = setting_view(name)
    if on_terminal():
        given = click.prompt(f"{name} (not shown)", hide_input=True, default="", show_default=False)
    else:
        given = sys.stdin.readline() if sys.stdin is not None else ""
    keep_setting_secret(name, given)
    tell(f"{name} is kept in the {_place(setting_view(name))}. {view.effect}")


@settings.command("unset")
@_setting
def unset(name: str) -> None:
    """Take NAME out of the settings file or the keyring: its default holds again."""
    from engine.settings.editing import reset_setting
    from engine.settings.views import setting_view

    reset_setting(name)
    view = setting_view(name)
    tell(f"{name} is {_value(view)}. {view.effect}")


@settings.command("test")
@click.argument("service", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def test(service: str | None, as_json: bool) -> int:
    """Try SERVICE, or each of them, with the settings as they are. Exits with 1 where one does not work.

    Where all are tried, one that is not set up counts as no failure.
    """
    import asyncio

    from engine.trials import TRIALS, require_trial, try_service

    names = list(TRIALS) if service is None else [require_trial(service).name]
    outcomes: list[dict[str, Any]] = []
    failed = False
    for name in names:
        message, remedy, worked, mark = "", "", False, "FAIL"
        try:
            message, worked, mark = asyncio.run(try_service(name, read_settings())), True, "ok"
        except NotSetUpError as error:
            message, remedy, mark = error.message, error.remedy, "FAIL" if service else "-"
        except HarkError as error:
            message, remedy = error.message, error.remedy
        failed |= mark == "FAIL"
        outcomes.append({"service": name, "ok": worked, "set_up": mark != "-", "message": message, "remedy": remedy})
        if not as_json:
            tell(f"{mark:<4}  {name}: {message} {remedy}".rstrip())
    if as_json:
        print_json(outcomes)
    return 1 if failed else 0


def _as_json(view: SettingView) -> dict[str, Any]:
    from engine.settings.fields import Kind

    told: dict[str, Any] = {
        "name": view.name,
        "group": view.group,
        "title": view.title,
        "description": view.description,
        "kind": view.kind.value,
        "unit": view.unit,
        "range": view.range,
        "source": view.source,
        "is_set": view.is_set,
        "locked": view.locked,
        "fault": view.fault,
    }
    if view.kind is not Kind.SECRET:
        told |= {"value": view.value, "default": view.default}
    return told


def _value(view: SettingView) -> str:
    from engine.settings.fields import Kind

    if view.kind is Kind.SECRET:
        return "set" if view.is_set else "not set"
    return f"{view.value or '-'} {view.unit}".rstrip()


def _source(view: SettingView) -> str:
    return f"{view.source}: {view.fault}" if view.fault else view.source


def _place(view: SettingView) -> str:
    if not view.is_set:
        raise BadInputError(f"{view.name} was not kept.", "Try it again.")
    return "keyring" if view.source == "keyring" else f"settings file {view.source}"
