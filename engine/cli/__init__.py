"""The command line: `hark ask`, `status`, `jobs`, `pause` and the rest.

Hides click. Nothing heavy is imported before a command needs it, so that `--help` and the app's
start stay fast. Commands print their outcome on standard output; whatever goes wrong is one line on
standard error that says what to do, with exit code 1 (2 for wrong usage, 130 for Ctrl-C).

What `--json` prints is a contract for scripts; fields may be added, never renamed:

    status   {"taken_at_ms", "redis", "workers": [a WorkerInfo], "queues": [a queue]}; a queue has
             "name", "title", "paused", "concurrency", the counts "waiting", "delayed", "active",
             "completed" and "failed", "oldest_waiting_ms" (or null), "workers", "jobs_per_minute"
             (ended jobs a minute, mean of the last 5 full minutes), "failure_rate" (0 to 1, of the
             jobs ended within the last hour; null where none did), "completed_total", "failed_total",
             "paused_since_ms" (or null), "drained_in_ms" (null where nobody can tell)
    jobs     a list of jobs, each with the fields of `engine.model.Job`
    job      one such job, and "log": [{"at_ms", "text"}]
    export   (always JSON) one such job a line
    metrics  {"queue", "from_ms", "span_ms", "total": figures, "types": {job type: figures}, "waiting",
             "oldest_waiting_ms" (or null), "drained_in_ms" (or null)}; figures are {"added", "completed",
             "failed", "retried", "stalled", "jobs_per_minute", "failure_rate" (or null), "processing":
             times, "waiting": times}; times are {"count", "mean_ms", "p50_ms", "p95_ms", "p99_ms"}, null
             where nothing was recorded
    failures a list of groups of like failures, each with the fields of `engine.model.FailureGroup`
    audit    a list of actions, newest first, each with the fields of `engine.model.AuditEntry`
    quarantine
             a list of batches, newest first, each with the fields of `engine.model.QuarantineBatch`
    ask      {"transcript", "reply" (or null), "actions": [an Action], "stages": [{"queue",
             "waited_ms", "ran_ms"}], "spoken" (the file written, or null), "error" (or null)}
    ai ask   {"answer", "cut" (whether the model had to stop before its end), "model", "tokens": {"prompt", "answer"}}
    ai batch {"answers": [{"answer", "cut", "model"}, or {"error"} for a prompt that was refused], "answered",
             "refused", "tokens"}, in the prompts' order
    ai answers
             a list of answers, each with the fields of `engine.model.Answered`
    conversations
             a list of conversations, the latest first, each with the fields of `engine.model.Conversation`
    conversations show
             a list of turns, each with the fields of `engine.model.ConversationTurn`
    schedules
             a list of recurring jobs, each with the fields of `engine.model.Schedule`
    alerts   a list of open alerts, the worst first, each with the fields of `engine.model.Alert`; "silence" is
             {"at_ms", "actor", "until_ms" (null: acknowledged, until it ends), "reason"}, or null
    settings a list of settings, each with "name", "group", "title", "description", "kind" ("text", "number",
             "switch", "choice", "file", "folder", "list" or "secret"), "unit", "range", "source", "is_set", "locked"
             (why it cannot be changed here, or ""), "fault" (or ""), and, but for secrets, "value" and "default"
    settings test
             a list of tried services: {"service", "ok", "set_up" (false where all are tried and nothing is set of this
             one), "message", "remedy"}
    doctor   a list of findings, the worst first: {"check" (a name such as "redis", "workers" or
             "disk"; a check may have several findings), "level" ("error", "warning", "note", "ok"
             or "skipped"), "message", "remedy" ("" where nothing is to be done)}
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from engine.cli import (
    ai,
    alerts,
    asking,
    cleaning,
    conversations,
    demo,
    looking,
    measuring,
    operating,
    recurring,
    settings,
    workers,
)
from engine.cli.frame import Switches, hark
from engine.cli.output import complain
from engine.errors import HarkError

if TYPE_CHECKING:
    from engine.doctor import Check

__all__ = [
    "ai",
    "alerts",
    "asking",
    "cleaning",
    "conversations",
    "demo",
    "hark",
    "looking",
    "main",
    "measuring",
    "operating",
    "recurring",
    "settings",
    "workers",
]


def main(argv: Sequence[str] | None = None, doctor_checks: Callable[[], Sequence[Check]] = tuple) -> int:
    """Run one command line (`sys.argv` where None) and return its exit code; errors are printed here.

    `doctor_checks` makes checks of what the engine does not know, such as the microphone, for `doctor` to run.
    """
    switches = Switches(doctor_checks)
    try:
        code = hark.main(None if argv is None else list(argv), prog_name="hark", standalone_mode=False, obj=switches)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f" See `{context.command_path} --help`." if context is not None else ""
        message = error.format_message().rstrip()
        complain(f"{message}{'' if message.endswith(('.', '?', '!', '?)')) else '.'}{hint}")
        return error.exit_code
    except click.Abort:
        # click's word for Ctrl-C, or the end of input at a question.
        return 130
    except HarkError as error:
        return _fail(str(error), switches)
    except Exception as error:  # noqa: BLE001 - the outermost frame: a bug is told in one line, too
        return _fail(f"Hark met an error of its own ({type(error).__name__}: {error}). See it with --debug.", switches)
    return code if isinstance(code, int) else 0


def _fail(message: str, switches: Switches) -> int:
    if switches.debug:
        import traceback

        traceback.print_exc()
    complain(message)
    return 1
