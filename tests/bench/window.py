"""The real window under load: `python -m tests.bench.window ROLE OPTIONS`, by `cases._window`.

`fill` adds jobs that take 20 ms each, `count` of them over all queues. `start` opens the window with a page, and
ends when it has its first figures. `walk` shows each page for `page_s` seconds while the charts move twice a second
and the embedded worker has all that it can do. Each answers with one line of JSON when it is over.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from desktop.app import App
    from desktop.window import Window

_JOB_MS = 20
_AT_ONCE = 20_000
_TICK_MS = 16
_WARM_UP_S = 6.0
_REFRESH_S = 0.5


def _age_ms() -> float:
    """How long this process has been there, in ms; to 10 ms."""
    with open("/proc/self/stat") as file:
        started_ticks = int(file.read().rpartition(")")[2].split()[19])
    return 1000 * (time.clock_gettime(time.CLOCK_BOOTTIME) - started_ticks / os.sysconf("SC_CLK_TCK"))


async def _fill(count: int) -> dict[str, Any]:
    from engine import open_engine
    from engine.job_types import DEMO_TYPES

    kinds = list(DEMO_TYPES.values())
    jobs = [kinds[place % len(kinds)](duration_ms=_JOB_MS) for place in range(_AT_ONCE)]
    async with open_engine() as engine:
        for start in range(0, count, _AT_ONCE):
            await engine.client.add_bulk(jobs[: count - start])
    return {"added": count}


def _percentile(values: list[float], percent: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * percent / 100))] if values else 0.0


class _Probe:
    """Watches one run of the app from inside: when it was painted, how late its timer is, what it uses.

    Late is what a person feels, on this machine with all that runs on it; `busy` is the CPU time that the window's
    thread has used itself between two ticks, which no other program makes longer.

    Painted means: the window with its rail and the whole page that it opens with have been drawn and handed to the
    screen. An empty frame does not count: the page must be in it, with the size that it has from then on.
    """

    def __init__(self, role: str, page_s: float) -> None:
        self._role = role
        self._page_s = page_s
        self.answer: dict[str, Any] = {}
        self._painted_page: Any = None

    def watch(self, window: Window) -> None:
        """Look for the first paint; call it when the window is made."""
        from PySide6.QtCore import QEvent, QObject, QTimer

        probe = self

        class Painted(QObject):
            def eventFilter(self, watched: QObject, event: QEvent) -> bool:
                if event.type() == QEvent.Type.Paint and probe._painted_page is None and window.page.isVisible():
                    probe._painted_page = window.page
                    # All of the window is painted in one go, before the loop turns again.
                    QTimer.singleShot(0, probe.note_painted)
                return False

        self._filter = Painted()
        window.installEventFilter(self._filter)

    def note_painted(self) -> None:
        """The window is on the screen."""
        self.answer["paint_ms"] = _age_ms()
        self.answer["paint_cpu_ms"] = 1000 * time.process_time()
        self.answer["painted"] = type(self._painted_page).__name__

    def follow(self, app: App) -> None:
        """Note when all pages are there and when the first figures, then do what is asked; needs the running loop."""
        self._figures = asyncio.Event()
        app.ready.connect(lambda: self.answer.setdefault("ready_ms", _age_ms()))
        app.bridge.sampled.connect(self._on_sampled)
        self._walking = asyncio.get_running_loop().create_task(self._go(app))

    def _on_sampled(self, _: object) -> None:
        self.answer.setdefault("figures_ms", _age_ms())
        self._figures.set()

    async def _go(self, app: App) -> None:
        try:
            await self._figures.wait()
            assert self.answer["paint_ms"], "the window was never painted"
            if self._role == "walk":
                await self._walk(app)
        finally:
            app.window.close()

    async def _walk(self, app: App) -> None:
        import psutil
        from PySide6.QtCore import Qt, QTimer

        ticks: list[tuple[float, float]] = []
        rates: list[float] = []
        active: list[int] = []
        timer = QTimer()
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.setInterval(_TICK_MS)
        timer.timeout.connect(lambda: ticks.append((time.perf_counter(), time.thread_time())))
        app.bridge.sampled.connect(lambda seen: rates.append(seen.watching_commands_per_s))
        app.bridge.sampled.connect(lambda seen: active.append(sum(queue.active for queue in seen.queues)))
        await asyncio.sleep(_WARM_UP_S)
        process = psutil.Process()
        app.window.show_page(1)
        await asyncio.sleep(1)
        timer.start()
        began_s, used_s = time.perf_counter(), sum(process.cpu_times()[:2])
        pages: dict[str, dict[str, float]] = {}
        late: list[float] = []
        busy: list[float] = []
        for command in [known for known in app.window.catalogue.commands() if known.group == "Pages"]:
            ticks.clear()
            page_began_s, page_used_s = time.perf_counter(), sum(process.cpu_times()[:2])
            app.window.catalogue.run(command)
            await asyncio.sleep(self._page_s)
            spent_s = time.perf_counter() - page_began_s
            here = [max(0.0, 1000 * (b - a) - _TICK_MS) for (a, _), (b, _) in itertools.pairwise(ticks)]
            late += here
            turns = [1000 * (b - a) for (_, a), (_, b) in itertools.pairwise(ticks)]
            busy += turns
            pages[command.key] = {
                "late_p99_ms": round(_percentile(here, 99), 1),
                "late_max_ms": round(max(here, default=0.0), 1),
                "busy_p99_ms": round(_percentile(turns, 99), 1),
                "busy_max_ms": round(max(turns, default=0.0), 1),
                "cpu_percent": round(100 * (sum(process.cpu_times()[:2]) - page_used_s) / spent_s, 1),
            }
        timer.stop()
        spent_s = time.perf_counter() - began_s
        self.answer |= {
            "late_p99_ms": _percentile(late, 99),
            "late_max_ms": max(late, default=0.0),
            "busy_p99_ms": _percentile(busy, 99),
            "busy_max_ms": max(busy, default=0.0),
            "cpu_percent": 100 * (sum(process.cpu_times()[:2]) - used_s) / spent_s,
            "commands_per_s": rates[-1] if rates else 0.0,
            "active": sum(active) / len(active) if active else 0.0,
            "pages": pages,
        }


def _open(role: str, page_s: float = 4.0, page: str = "") -> dict[str, Any]:
    """Run the app as `hark` does, with a probe in it; `page` is the one that it was left with."""
    from desktop import opening, window_state
    from engine.settings import config_file

    if page:
        kept = config_file().parent / window_state.FILE
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(f'[parts]\nwindow="{{\\"page\\": \\"{page}\\"}}"\n')
    probe = _Probe(role, page_s)
    wait = opening._wait_for_paint

    def watched(window: Window) -> None:
        probe.watch(window)
        wait(window)
        # The app's parts are not imported before: a probe must not make the start slower, or faster.
        from desktop import app, bridge

        run = app.App.run

        async def probed(self: App) -> None:
            probe.follow(self)
            await run(self)

        app.App.run = probed  # type: ignore[method-assign]
        if role == "walk":
            bridge.SAMPLE_S = _REFRESH_S

    opening._wait_for_paint = watched
    opening.run()
    return probe.answer


def main() -> None:
    """Do what the command line names."""
    role, options = sys.argv[1], json.loads(sys.argv[2])
    os.environ["REDIS_URL"] = os.environ["BENCH_URL"]
    answer = asyncio.run(_fill(**options)) if role == "fill" else _open(role, **options)
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
