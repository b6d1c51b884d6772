"""What is wrong with this Hark, and what to do about it: `hark doctor`.

Hides how each trouble is looked for. All checks run together, each with its time limit, and none
depends on another except those about Redis on its being reached. Nothing is changed; Hark's own
Redis is started where none is set and none runs, as by every command, and stopped again.

The engine knows no sound devices: whoever does (the desktop) hands its checks in.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.concurrency import together
from engine.doctor.findings import Check, Finding, Level, Limits, blocking_check, run_checks
from engine.doctor.machine import machine_checks, memory
from engine.doctor.redis_checks import NAMES, examine_redis
from engine.settings import config_file, load_settings, settings_faults

__all__ = ["Check", "Finding", "Level", "Limits", "blocking_check", "examine", "verdict"]

_DEFAULT_LIMITS = Limits()


async def examine(extra: Sequence[Check] = (), limits: Limits = _DEFAULT_LIMITS) -> list[Finding]:
    """Look at everything, the checks in `extra` too; the worst findings come first."""
    always = [blocking_check("memory", lambda: [memory(limits)], limit_s=limits.check_s), *extra]
    faults = settings_faults()
    if faults:
        found = [Finding("settings", Level.ERROR, fault.message, fault.remedy) for fault in faults]
        found += [
            Finding(name, Level.SKIPPED, "It needs the settings: mend them first.")
            for name in (*NAMES, "disk", "openai", "offline speech")
        ]
        found += await run_checks(always)
    else:
        settings = load_settings()
        source = config_file() if config_file().exists() else "the environment alone"
        found = [Finding("settings", Level.OK, f"The settings, from {source}, are valid.")]
        parts = await together(
            examine_redis(settings, limits), run_checks([*always, *machine_checks(settings, limits)])
        )
        found += [finding for part in parts for finding in part]
    if all(check.name != "microphone" for check in extra):
        found.append(Finding("microphone", Level.SKIPPED, "Only the desktop's `hark doctor` listens to a microphone."))
    order = list(Level)
    return sorted(found, key=lambda finding: order.index(finding.level))


def verdict(findings: Sequence[Finding]) -> str:
    """All findings in one sentence."""
    errors = sum(finding.level is Level.ERROR for finding in findings)
    warnings = sum(finding.level is Level.WARNING for finding in findings)
    if not errors and not warnings:
        return "All is well."
    counts = [f"{errors} error{'' if errors == 1 else 's'}"] if errors else []
    counts += [f"{warnings} warning{'' if warnings == 1 else 's'}"] if warnings else []
    meaning = "Hark does not work as it should." if errors else "Hark works, but not as well as it could."
    return f"{' and '.join(counts)}: {meaning}"
