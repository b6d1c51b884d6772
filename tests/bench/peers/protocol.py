"""What every peer's program has in common: its command line, the payload, and the watch that it reads.

A peer's program is called as `<program> <role> <options as JSON>` with the server's URL in BENCH_URL, and answers
with lines of JSON on standard output, the last of which is the result:

    add-bulk  {count, limit_s}        -> {seconds, added}  add `count` jobs in the way made for many; libraries that
                                                           have none stop after `limit_s`
    add-one   {count, limit_s}        -> {seconds, added}  add them one after the other, each awaited
    load      {rate, seconds}         -> {late_ms}         add `rate` jobs a second, each at its time
    probe     {count, every_s}        -> {added}           add jobs of priority 1; when each was in, by its tag
    work      {concurrency, count, job_ms, limit_s, watch} -> {ready}, {started, ended, done, starts}
              run jobs until `count` are done, `limit_s` is over, or SIGTERM
    idle      {}                      -> {ready}           run a worker of all queues that has nothing to do

Times are nanoseconds of CLOCK_MONOTONIC, which all processes of one machine share. Stays free of any import beyond
the standard library and uvloop: each peer runs in an environment of its own.
"""

import asyncio
import json
import os
import signal
import sys
import time

PAYLOAD_BYTES = 200
WARM_UP = 20


def say(**line):
    """Answer one line."""
    print(json.dumps(line), flush=True)


def payload(tag="j"):
    """A job's arguments, 200 bytes as compact JSON; `tag` is the first word of the title."""
    arguments = {"user_id": "bench-user", "title": ""}
    room = PAYLOAD_BYTES - len(json.dumps(arguments, separators=(",", ":"))) - len(tag) - 1
    arguments["title"] = f"{tag} {'x' * room}"
    return arguments


class Watch:
    """Counts a worker's jobs and notes when they start. `run` is the body of every job."""

    def __init__(self, options):
        self.count = options["count"]
        self.watching = options.get("watch", False)
        self.job_s = options.get("job_ms", 0) / 1000
        self.started = self.done = 0
        self.starts = []
        self.full = asyncio.Event()

    def begin(self, title):
        """A job starts."""
        if not self.started:
            self.started = time.monotonic_ns()
        if self.watching:
            self.starts.append((title.split(" ", 1)[0], time.monotonic_ns()))

    def end(self):
        """A job ends."""
        self.done += 1
        if self.done == self.count:
            self.full.set()

    async def run(self, title):
        """The whole job."""
        self.begin(title)
        if self.job_s:
            await asyncio.sleep(self.job_s)
        self.end()

    def report(self):
        """Answer the result: as of now."""
        say(started=self.started, ended=time.monotonic_ns(), done=self.done, starts=self.starts)


class Peer:
    """What a peer implements; the roles are built on it."""

    def __init__(self, url):
        self.url = url

    async def open(self):
        """Connect a client."""
        raise NotImplementedError

    async def add(self, arguments, urgent=False):
        """Add one job, `urgent` ones with priority 1."""
        raise NotImplementedError

    async def add_bulk(self, many, limit_s):
        """Add many jobs in the library's way; for those that know none, concurrently in hundreds. Returns how many."""
        deadline = time.monotonic() + limit_s
        for start in range(0, len(many), 100):
            if time.monotonic() > deadline:
                return start
            await asyncio.gather(*(self.add(arguments) for arguments in many[start : start + 100]))
        return len(many)

    async def start(self, concurrency, run):
        """Start the worker; it awaits `run(title)` for each job."""
        raise NotImplementedError

    async def settled(self, count):
        """Return once Redis holds the end of all `count` jobs, whose functions have returned."""
        raise NotImplementedError

    async def idle(self):
        """Start a worker with nothing to do."""
        await self.start(10, None)


async def until(condition):
    """Ask Redis until it says yes."""
    while not await condition():  # noqa: ASYNC110 - Redis tells nobody
        await asyncio.sleep(0.002)


async def _add_bulk(peer, options):
    await peer.open()
    more = {"delay_ms": options["delay_ms"]} if "delay_ms" in options else {}
    many = [payload() for _ in range(options["count"])]
    started = time.monotonic_ns()
    added = await peer.add_bulk(many, options["limit_s"], **more)
    say(seconds=(time.monotonic_ns() - started) / 1e9, added=added)


async def _add_one(peer, options):
    await peer.open()
    for _ in range(WARM_UP):
        await peer.add(payload())
    started, added = time.monotonic_ns(), 0
    while added < options["count"] and time.monotonic_ns() - started < options["limit_s"] * 1e9:
        await peer.add(payload())
        added += 1
    say(seconds=(time.monotonic_ns() - started) / 1e9, added=added)


async def _load(peer, options):
    await peer.open()
    for _ in range(WARM_UP):
        await peer.add(payload("warm"))
    begun, late, tasks = time.monotonic(), 0.0, []
    for number in range(round(options["rate"] * options["seconds"])):
        due = begun + number / options["rate"]
        if (wait := due - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        late = max(late, time.monotonic() - due)
        tasks.append(asyncio.ensure_future(peer.add(payload(f"L{time.monotonic_ns()}"))))
    await asyncio.gather(*tasks)
    say(late_ms=late * 1000)


async def _probe(peer, options):
    await peer.open()
    added = {}
    for number in range(options["count"]):
        await asyncio.sleep(options["every_s"])
        await peer.add(payload(f"P{number}"), urgent=True)
        added[f"P{number}"] = time.monotonic_ns()
    say(added=added)


async def _work(peer, options):
    watch = Watch(options)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await peer.start(options["concurrency"], watch.run)
    say(ready=True)
    waits = [asyncio.ensure_future(event.wait()) for event in (watch.full, stop)]
    await asyncio.wait(waits, timeout=options["limit_s"], return_when=asyncio.FIRST_COMPLETED)
    if watch.full.is_set():
        await peer.settled(options["count"])
    watch.report()


async def _idle(peer, options):
    await peer.idle()
    say(ready=True)
    await asyncio.Event().wait()


ROLES = {
    "add-bulk": _add_bulk,
    "add-one": _add_one,
    "load": _load,
    "probe": _probe,
    "work": _work,
    "idle": _idle,
}


def main(kind, **more_roles):
    """Run the role that the command line names with a peer of this kind; ends the process."""
    import uvloop

    role, options = sys.argv[1], json.loads(sys.argv[2])
    run = {**ROLES, **more_roles}[role]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if "BENCH_PROFILE" in os.environ:
            import cProfile

            profile = cProfile.Profile()
            profile.runcall(runner.run, run(kind(os.environ["BENCH_URL"]), options))
            profile.dump_stats(os.environ["BENCH_PROFILE"])
        else:
            runner.run(run(kind(os.environ["BENCH_URL"]), options))
        # Not every library stops fast, and nothing is left to do: the server is emptied next.
        sys.stdout.flush()
        os._exit(0)
