"""Celery on Redis with its defaults and results kept; the worker is one process, so its pool is threads."""

import json
import os
import signal
import sys
import threading
import time

from celery import Celery, signals
from protocol import WARM_UP, payload, say


def _app():
    url = os.environ["BENCH_URL"]
    if url.startswith("unix:"):
        url = url.replace("unix:", "redis+socket:", 1).replace("?db=", "?virtual_host=")
    app = Celery("bench", broker=url, backend=url)
    app.conf.result_expires = 3600
    app.conf.broker_connection_retry_on_startup = True
    app.conf.worker_redirect_stdouts = False
    return app


class Worker:
    """The roles of a worker."""

    def __init__(self, app, options):
        self.count = options["count"]
        self.job_s = options.get("job_ms", 0) / 1000
        self.watching = options.get("watch", False)
        self.started = self.done = 0
        self.starts = []
        self.lock, self.full = threading.Lock(), threading.Event()
        self.task = app.task(name="create-task")(self.noop)

    def noop(self, user_id, title):
        if not self.started:
            self.started = time.monotonic_ns()
        if self.watching:
            self.starts.append((title.split(" ", 1)[0], time.monotonic_ns()))
        if self.job_s:
            time.sleep(self.job_s)

    def ended(self, **_):
        """The result is in Redis."""
        with self.lock:
            self.done += 1
            if self.done == self.count:
                self.full.set()

    def report_when_over(self, limit_s):
        self.full.wait(limit_s)
        say(started=self.started, ended=time.monotonic_ns(), done=self.done, starts=self.starts)
        os._exit(0)


def work(app, options):
    worker = Worker(app, options)
    watching = threading.Thread(target=worker.report_when_over, args=(options["limit_s"],), daemon=True)

    @signals.worker_ready.connect(weak=False)
    def ready(**_):
        signal.signal(signal.SIGTERM, lambda *_: worker.full.set())
        watching.start()
        say(ready=True)

    signals.task_postrun.connect(worker.ended, weak=False)
    app.worker_main(["--quiet", "worker", "-P", "threads", "-c", str(options["concurrency"]), "-l", "ERROR"])


def main():
    role, options = sys.argv[1], json.loads(sys.argv[2])
    app = _app()
    if role == "work":
        work(app, options)
        return

    @app.task(name="create-task")
    def task(user_id, title):
        """The client only names it."""

    with app.producer_pool.acquire(block=True) as producer:

        def add(tag="j"):
            task.apply_async(kwargs=payload(tag), producer=producer)

        if role != "add-bulk":
            for _ in range(WARM_UP):
                add("warm")
        else:
            producer.connection.ensure_connection()
        begun, late_s = time.monotonic(), 0.0
        if role == "load":
            for number in range(round(options["rate"] * options["seconds"])):
                due = begun + number / options["rate"]
                time.sleep(max(due - time.monotonic(), 0))
                late_s = max(late_s, time.monotonic() - due)
                add(f"L{time.monotonic_ns()}")
            say(late_ms=late_s * 1000)
        else:
            added = 0
            while added < options["count"] and time.monotonic() < begun + options["limit_s"]:
                add()
                added += 1
            say(seconds=time.monotonic() - begun, added=added)


main()
