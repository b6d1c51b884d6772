"""Hark on Redis as operators run it: TLS, an ACL user, Sentinel, Cluster; each with real servers on loopback."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis.crc import key_slot

from engine.errors import HarkError, PermanentError, RedisGoneError, SettingsError
from engine.handle import JobHandle
from engine.model import JobState
from engine.queues import QUEUES
from engine.settings import Settings, load_settings
from engine.store import NewJob, QueueEvent, Store, keys, open_store
from engine.store.connect import ACL_RIGHTS, connect, without_password
from engine.store.server import find_binary
from engine.worker.broker import QueueBroker
from engine.worker.pool import serve
from tests.redis_topologies import (
    Certificates,
    Node,
    Watched,
    cluster,
    free_port,
    make_certificates,
    server,
    until,
    watched,
)

DEBIAN = Path("/usr/bin/redis-server")
"""Speaks TLS, which the bundled server does not."""
LIMIT_S = 30


@pytest.fixture(scope="module")
def binary(redis_binary: Path | None) -> Path:
    """The server that the tests run."""
    return redis_binary or find_binary()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority and what it signed."""
    return make_certificates(tmp_path_factory.mktemp("tls") / "files")


@pytest.fixture(scope="module")
def tls_node(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Node]:
    """A server that speaks TLS only, and only with clients that the authority signed."""
    port = free_port()
    lines = (
        f"tls-port {port}",
        f"tls-cert-file {certificates.server}",
        f"tls-key-file {certificates.server_key}",
        f"tls-ca-cert-file {certificates.ca}",
        "tls-auth-clients yes",
    )
    with server(DEBIAN, tmp_path_factory.mktemp("redis") / "tls", "port 0", *lines, port=port) as node:
        yield node


@pytest.fixture(scope="module")
def acl_node(tmp_path_factory: pytest.TempPathFactory, binary: Path) -> Iterator[Node]:
    """A server where `hark` has the rights in the documents, and `halfway` may not run scripts."""
    with server(binary, tmp_path_factory.mktemp("redis") / "acl") as node:
        with node.client() as client:
            rights = ACL_RIGHTS.split()
            client.execute_command("ACL", "SETUSER", "hark", "on", ">s3cr/t", *rights)
            client.execute_command("ACL", "SETUSER", "halfway", "on", ">s3cr/t", *rights, "-evalsha")
        yield node


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory, binary: Path) -> Iterator[list[Node]]:
    """A Cluster of three primaries, the first with a replica."""
    with cluster(binary, tmp_path_factory.mktemp("redis") / "cluster", _splits(), replicas=(0,)) as running:
        yield running


def _splits() -> tuple[int, int]:
    """Where to divide the slots so that each of three nodes has some of the queues."""
    slots = sorted(_slot(queue) for queue in QUEUES)
    return slots[3], slots[6]


def _slot(queue: str) -> int:
    return key_slot(keys.marker(queue).encode())


def _cluster_url(nodes: list[Node]) -> str:
    return f"redis+cluster://{','.join(f'127.0.0.1:{node.port}' for node in nodes)}"


def _job(job_id: str) -> NewJob:
    return NewJob(job_id, "echo", f'{{"text":"{job_id}"}}', 4, 3, "fixed", 0, 60_000)


class Follower:
    """Reads the events of all queues on one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._positions: dict[str, str] = {}
        self.seen: list[QueueEvent] = []

    async def start(self, queues: Collection[str] = tuple(QUEUES)) -> None:
        """Remember where the streams end now."""
        self._positions = {queue: await self._store.last_event(queue) for queue in queues}

    async def until(self, condition: Callable[[], bool]) -> None:
        """Follow until the events seen fulfil `condition`; a lost Redis is waited for."""
        async with asyncio.timeout(LIMIT_S):
            while not condition():
                try:
                    for event in await self._store.events(self._positions, 2000):
                        self._positions[event.queue] = event.position
                        self.seen.append(event)
                except RedisGoneError:
                    await asyncio.sleep(0.05)

    def completed(self, queue: str) -> set[str]:
        """Ids of the jobs that were told to be completed."""
        return {job_id for job_queue, job_id in self.all_completed if job_queue == queue}

    @property
    def all_completed(self) -> set[tuple[str, str]]:
        """Queue and id of each job that was told to be completed."""
        return {(event.queue, event.id) for event in self.seen if event.event == "completed"}


@asynccontextmanager
async def _worker(settings: Settings) -> AsyncIterator[None]:
    """A worker for all queues in this process, drained at the end."""
    broker = QueueBroker(settings)

    @broker.task(task_name="echo", queue="notification")
    async def echo(text: str) -> str:
        return text

    stop = asyncio.Event()
    running = asyncio.create_task(serve(broker, settings, stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(running, LIMIT_S)


async def _persist(call: Callable[[], Awaitable[Any]]) -> Any:
    """Do it as a patient caller would: again while Redis is away."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            try:
                return await call()
            except RedisGoneError:
                await asyncio.sleep(0.05)


async def _everything_works(settings: Settings) -> None:
    """Jobs of all eight queues are added, run and told; a paused queue rests until it is resumed."""
    async with open_store(settings) as store, _worker(settings):
        follower = Follower(store)
        await follower.start()
        wanted = {f"job{number}" for number in range(5)}
        for queue in QUEUES:
            assert await store.add(queue, [_job(job_id) for job_id in sorted(wanted)]) == [True] * 5
        await follower.until(lambda: all(follower.completed(queue) == wanted for queue in QUEUES))
        assert (await store.find("job3", ["synthesis"])).result == "job3"
        listed = await store.jobs("synthesis", JobState.COMPLETED, 0, 10)
        assert {job.id for job in listed} == wanted

        await store.set_paused("synthesis", True, actor="test")
        await store.add("synthesis", [_job("later")])
        await store.add("transcription", [_job("later")])
        await follower.until(lambda: "later" in follower.completed("transcription"))
        assert (await store.find("later", ["synthesis"])).state is JobState.WAITING
        await store.set_paused("synthesis", False, actor="test")
        await follower.until(lambda: "later" in follower.completed("synthesis"))

        _, _, batch = await store.clean("synthesis", JobState.COMPLETED, actor="test")
        assert await store.restore("synthesis", batch, actor="test") == (6, 0)
        assert (await store.sample("synthesis", 1))[0]
        assert await store.server_info()
        await _what_is_remembered_works(store, settings)
        await store.put_blob("transcription", "sound", b"\xff\x00", 60)
        assert await store.get_blob("transcription", "sound") == b"\xff\x00"
    assert await _workers_left(settings) == {}


async def _what_is_remembered_works(store: Store, settings: Settings) -> None:
    """Conversations, answers of a job so far, and the end of a job that is not kept."""
    bounds = settings.memory_bounds
    await store.remember("voice-processing", "chat", "t", "hello", "Hello!", bounds)
    assert len(await store.recall("voice-processing", "chat", bounds)) == 1
    assert [found[0] for found in await store.conversations("voice-processing")] == ["chat"]
    assert await store.erase_conversation("voice-processing", "chat")

    await store.add("synthesis", [replace(_job("awaited"), keep_completed_count=0, awaited=True)])
    handle = JobHandle("awaited", "synthesis", True, store)
    assert await handle.result(LIMIT_S) == "awaited"
    assert await store.answers("ai-processing", "none") == {}


async def _workers_left(settings: Settings) -> dict[str, str]:
    async with open_store(settings) as store:
        return await store.workers()


async def _complaint(settings: Settings) -> str:
    """What opening the store and adding a job says, in one line."""
    with pytest.raises(HarkError) as caught:
        async with open_store(settings) as store:
            await store.add("synthesis", [_job("a")])
    text = str(caught.value)
    assert "\n" not in text
    assert caught.value.remedy
    return text


# --- TLS ---


async def test_all_works_over_tls_with_a_private_authority_and_a_certificate_of_harks_own(
    tls_node: Node, certificates: Certificates
) -> None:
    await _everything_works(
        load_settings(
            redis_host="127.0.0.1",
            redis_port=tls_node.port,
            redis_ca_file=certificates.ca,
            redis_cert_file=certificates.client,
            redis_key_file=certificates.client_key,
        )
    )


async def test_a_server_whose_authority_is_unknown_is_not_trusted(tls_node: Node, certificates: Certificates) -> None:
    url = f"rediss://127.0.0.1:{tls_node.port}"
    told = await _complaint(load_settings(redis_url=url, redis_ca_file=certificates.other_ca))
    assert told.startswith(f"The certificate of Redis at {url} cannot be trusted: ")
    assert told.endswith("Name the file of its authority in HARK_REDIS_CA_FILE.")


async def test_a_server_that_wants_a_certificate_says_so(tls_node: Node, certificates: Certificates) -> None:
    told = await _complaint(
        load_settings(redis_url=f"rediss://127.0.0.1:{tls_node.port}", redis_ca_file=certificates.ca)
    )
    # The word for it may be lost when the server hangs up; the advice is not.
    assert "HARK_REDIS_CERT_FILE" in told


async def test_a_plain_address_of_a_tls_server_is_told_shortly(tls_node: Node) -> None:
    told = await _complaint(load_settings(redis_url=f"redis://127.0.0.1:{tls_node.port}"))
    assert told.endswith("A server that speaks TLS needs rediss:// there.")


def test_a_missing_certificate_file_is_named_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=rf"cannot be used \({tmp_path}/ca.crt\): No such file"):
        connect(f"rediss://localhost?ssl_ca_certs={tmp_path}/ca.crt")


def test_certificates_beside_an_address_without_tls_are_refused(tmp_path: Path) -> None:
    settings = load_settings(redis_url="redis://db", redis_ca_file=tmp_path / "ca.crt")
    with pytest.raises(SettingsError, match="REDIS_URL does not use TLS"):
        _ = settings.external_redis_url


# --- an ACL user ---


async def test_the_documented_rights_are_enough(acl_node: Node) -> None:
    await _everything_works(
        load_settings(redis_host="127.0.0.1", redis_port=acl_node.port, redis_username="hark", redis_password="s3cr/t")
    )


async def test_a_user_may_be_named_in_the_url(acl_node: Node) -> None:
    settings = load_settings(redis_url=f"redis://hark:s3cr%2Ft@127.0.0.1:{acl_node.port}")
    async with open_store(settings) as store:
        assert store.address == f"redis://127.0.0.1:{acl_node.port}"


async def test_a_wrong_password_of_a_user_is_told_without_it(acl_node: Node) -> None:
    told = await _complaint(load_settings(redis_url=f"redis://hark:wr0ng@127.0.0.1:{acl_node.port}"))
    assert told == (
        f"Redis at redis://127.0.0.1:{acl_node.port} refused the password. Correct REDIS_URL or REDIS_PASSWORD."
    )


async def test_a_missing_right_is_named(acl_node: Node) -> None:
    told = await _complaint(load_settings(redis_url=f"redis://halfway:s3cr%2Ft@127.0.0.1:{acl_node.port}"))
    assert "does not allow this user what Hark does" in told
    assert "evalsha" in told
    assert told.endswith("Give the user the rights in docs/redis.md (ACL SETUSER).")


def test_the_rights_that_were_tested_are_the_documented_ones() -> None:
    text = (Path(__file__).parents[2] / "docs/redis.md").read_text()
    assert f"ACL SETUSER hark on >PASSWORD {ACL_RIGHTS}" in text


# --- Cluster ---


async def test_all_works_on_a_cluster_whose_nodes_share_the_queues(nodes: list[Node]) -> None:
    await _everything_works(load_settings(redis_url=_cluster_url(nodes)))
    for node in nodes[:3]:
        with node.client() as client:
            assert client.keys("{hark:*}:job:*")


async def test_a_plain_address_of_a_clusters_node_is_recognised(nodes: list[Node]) -> None:
    async with open_store(load_settings(redis_url=f"redis://127.0.0.1:{nodes[1].port}/0")) as store:
        assert store.wait_groups(["synthesis", "notification"]) == [("notification",), ("synthesis",)]
        for queue in QUEUES:
            assert await store.add(queue, [_job("plain")]) == [True]
        assert store.twin().wait_groups(["synthesis", "notification"]) == [("notification",), ("synthesis",)]


async def test_a_plain_store_recognises_a_cluster_at_its_first_command(nodes: list[Node]) -> None:
    store = Store(f"redis://127.0.0.1:{nodes[1].port}")
    assert await store.wait_for_work(["notification", "synthesis"], "w", 0.01) is None
    assert len(store.wait_groups(QUEUES)) == 8
    await store.close()


async def test_scripts_that_a_cluster_forgot_are_loaded_again(nodes: list[Node]) -> None:
    store = Store(_cluster_url(nodes))
    await store.add("synthesis", [_job("before")])
    for node in nodes[:3]:
        with node.client() as client:
            client.script_flush()
    assert await store.add("synthesis", [_job("after")]) == [True]
    await store.close()


async def test_a_command_under_which_the_connections_are_closed_says_so(nodes: list[Node]) -> None:
    store = Store(_cluster_url(nodes))
    client = store._redis  # in a crisis it is redis-py that closes them
    for turns in range(40):
        calls: list[asyncio.Task[Any]] = [
            asyncio.create_task(call)
            for queue in QUEUES
            for call in (store.add(queue, [_job("closed")]), store.events({queue: "0"}, 1), store.find("x", [queue]))
        ]
        for _ in range(turns):
            await asyncio.sleep(0)
        await client.aclose()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert [outcome for outcome in outcomes if not isinstance(outcome, list | HarkError)] == []
    await store.close()


async def test_events_of_all_nodes_come_to_one_reader(nodes: list[Node]) -> None:
    store = Store(_cluster_url(nodes))
    follower = Follower(store)
    await follower.start()
    for number, queue in enumerate(QUEUES):
        reading = asyncio.create_task(follower.until(lambda number=number: len(follower.seen) > number))  # type: ignore[misc]
        await store.add(queue, [_job("told")])
        await reading
    assert {(event.queue, event.id) for event in follower.seen} == {(queue, "told") for queue in QUEUES}
    await store.close()


def _clients(nodes: list[Node]) -> int:
    """How many connections the nodes have, these questions' own left out."""
    count = -len(nodes)
    for node in nodes:
        with node.client() as client:
            count += len(client.client_list(_type="normal"))
    return count


async def test_commands_under_way_while_the_store_is_closed_leave_no_connection_to_a_cluster(nodes: list[Node]) -> None:
    before = _clients(nodes)
    store = Store(_cluster_url(nodes))
    await store.reach()
    under_way = [asyncio.create_task(store.tick(queue)) for queue in QUEUES]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*under_way, return_exceptions=True)
    until(lambda: _clients(nodes) <= before, "connections stay open")


async def test_a_cluster_address_of_a_single_redis_is_told(acl_node: Node) -> None:
    told = await _complaint(load_settings(redis_url=f"redis+cluster://127.0.0.1:{acl_node.port}"))
    assert told == (
        f"Redis at redis+cluster://127.0.0.1:{acl_node.port} is not a Cluster. Write redis:// in REDIS_URL."
    )


async def test_jobs_go_on_when_a_primary_of_the_cluster_dies(tmp_path: Path, binary: Path) -> None:
    with cluster(binary, tmp_path / "cluster", _splits(), replicas=(0,)) as nodes:
        settings = load_settings(redis_url=_cluster_url(nodes), lease_ms=2000, max_stalled=100)
        async with open_store(settings) as store, _worker(settings):
            follower = Follower(store)
            await follower.start()
            wanted = {f"job{number}" for number in range(40)}
            for number, job_id in enumerate(sorted(wanted)):
                if number == 20:
                    with nodes[0].client() as client:
                        client.wait(1, 5000)
                    nodes[0].kill()
                for queue in QUEUES:
                    await _persist(lambda queue=queue, job_id=job_id: store.add(queue, [_job(job_id)]))  # type: ignore[misc]
            await follower.until(lambda: all(follower.completed(queue) == wanted for queue in QUEUES))


async def test_queues_of_living_nodes_are_served_while_a_node_is_dead(tmp_path: Path, binary: Path) -> None:
    with cluster(binary, tmp_path / "cluster", _splits()) as nodes:
        settings = load_settings(redis_url=_cluster_url(nodes))
        gone = {queue for queue in QUEUES if _slot(queue) >= _splits()[1]}
        alive = [queue for queue in QUEUES if queue not in gone]
        async with open_store(settings) as store, _worker(settings):
            follower = Follower(store)
            await follower.start(alive)
            for job_id in ("before", "after", "long after"):
                for queue in alive:
                    await _persist(lambda queue=queue, job_id=job_id: store.add(queue, [_job(job_id)]))  # type: ignore[misc]
                await follower.until(lambda job_id=job_id: all(job_id in follower.completed(queue) for queue in alive))  # type: ignore[misc]
                nodes[2].kill()
            with pytest.raises(RedisGoneError):
                await store.add(min(gone), [_job("a")])


async def test_jobs_of_lost_workers_run_again_on_living_nodes_while_a_node_is_dead(
    tmp_path: Path, binary: Path
) -> None:
    with cluster(binary, tmp_path / "cluster", _splits()) as nodes:
        first, splits = next(iter(QUEUES)), _splits()
        holders = {queue: sum(_slot(queue) >= split for split in splits) for queue in QUEUES}
        alive = next(queue for queue in reversed(QUEUES) if holders[queue] != holders[first])
        settings = load_settings(redis_url=_cluster_url(nodes), lease_ms=2000)
        async with open_store(settings) as store:
            await store.add(alive, [_job("lost")])
            await store.take(alive, 1, lease_ms=4000, token="t", worker="dead")
            follower = Follower(store)
            await follower.start([alive])
            async with _worker(settings):
                await store.add(alive, [_job("before")])
                await follower.until(lambda: "before" in follower.completed(alive))
                nodes[holders[first]].kill()
                await follower.until(lambda: "lost" in follower.completed(alive))


async def test_queues_of_living_nodes_are_served_while_a_node_takes_calls_and_never_answers(
    tmp_path: Path, binary: Path
) -> None:
    with cluster(binary, tmp_path / "cluster", _splits()) as nodes:
        settings = load_settings(redis_url=_cluster_url(nodes))
        alive = [queue for queue in QUEUES if _slot(queue) < _splits()[1]]
        async with open_store(settings) as store, _worker(settings):
            follower = Follower(store)
            await follower.start(alive)
            try:
                for number in range(30):
                    wanted = {(queue, f"job{number}") for queue in alive}
                    for queue, job_id in wanted:
                        await store.add(queue, [_job(job_id)])
                    await follower.until(lambda wanted=wanted: wanted <= follower.all_completed)  # type: ignore[misc]
                    nodes[2].process.send_signal(signal.SIGSTOP)
            finally:
                nodes[2].process.send_signal(signal.SIGCONT)
            (gone, *_), awake = QUEUES.keys() - alive, Follower(store)
            await _persist(lambda: awake.start([gone]))
            await _persist(lambda: store.add(gone, [_job("job")]))
            await awake.until(lambda: "job" in awake.completed(gone))


# --- Sentinel ---


@pytest.fixture(scope="module")
def sentinels(tmp_path_factory: pytest.TempPathFactory, binary: Path) -> Iterator[Watched]:
    """A primary, a replica and three Sentinels."""
    with watched(binary, tmp_path_factory.mktemp("redis") / "watched") as running:
        yield running


async def test_all_works_through_sentinels(sentinels: Watched) -> None:
    await _everything_works(load_settings(redis_url=sentinels.url))


async def test_no_job_is_lost_when_the_primary_dies_and_the_replica_follows_it(tmp_path: Path, binary: Path) -> None:
    with watched(binary, tmp_path / "watched") as sentinels:
        await _fail_over(sentinels)


async def _fail_over(sentinels: Watched) -> None:
    settings = load_settings(redis_url=sentinels.url, lease_ms=2000, max_stalled=100)
    async with open_store(settings) as store, _worker(settings):
        follower = Follower(store)
        await follower.start()
        wanted = {f"late{number}" for number in range(40)}
        for number, job_id in enumerate(sorted(wanted)):
            if number == 20:
                with sentinels.primary.client() as client:
                    client.wait(1, 5000)
                sentinels.primary.kill()
            for queue in QUEUES:
                await _persist(lambda queue=queue, job_id=job_id: store.add(queue, [_job(job_id)]))  # type: ignore[misc]
        await follower.until(lambda: all(follower.completed(queue) == wanted for queue in QUEUES))
    with sentinels.replica.client() as client:
        assert client.info("replication")["role"] == "master"


async def test_a_service_that_the_sentinels_do_not_know_is_told(sentinels: Watched) -> None:
    url = sentinels.url.replace("/hark", "/other")
    told = await _complaint(load_settings(redis_url=url))
    assert told.startswith(f"The Sentinels at {url} name no primary")


async def test_a_dead_sentinel_is_passed_over(sentinels: Watched) -> None:
    url = sentinels.url.replace("://", f"://127.0.0.1:{free_port()},")
    async with open_store(load_settings(redis_url=url)) as store:
        assert await store.add("synthesis", [_job("a")]) == [True]


async def test_a_sentinels_plain_address_is_told(sentinels: Watched) -> None:
    told = await _complaint(load_settings(redis_url=f"redis://127.0.0.1:{sentinels.sentinels[0].port}"))
    assert "redis+sentinel://host:26379/service" in told


# --- addresses ---


@pytest.mark.parametrize(
    "url",
    [
        "redis+sentinel://host:26379",
        "redis+cluster://host/0/1",
        "redis+cluster://",
        "redis+other://host",
        "unix+cluster:///path",
        "redis+cluster://:planted@host:port",
        "http://:planted@host",
    ],
)
def test_what_is_no_address_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL is not a Redis address") as caught:
        connect(url)
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize(
    ("parts", "url"),
    [
        ({"redis_username": "me", "redis_password": "p/w"}, "redis://me:p%2Fw@db:6379"),
        ({"redis_tls": True}, "rediss://db:6379"),
        ({"redis_ca_file": "/a b.pem"}, "rediss://db:6379?ssl_ca_certs=/a%20b.pem"),
        (
            {"redis_url": "rediss://me@other?db=1", "redis_cert_file": "/c", "redis_key_file": "/k"},
            "rediss://me@other?db=1&ssl_certfile=/c&ssl_keyfile=/k",
        ),
    ],
)
def test_user_and_certificates_become_part_of_the_address(parts: dict[str, Any], url: str) -> None:
    assert load_settings(redis_host="db", **parts).external_redis_url == url


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(SettingsError, match="does not know: retries"):
        connect("redis://host?retries=7")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rediss://me:planted@host:6380/1?ssl_keyfile=/planted", "rediss://host:6380/1"),
        ("redis+sentinel://me:planted@a:1,b:2/hark/0?sentinel_password=planted", "redis+sentinel://a:1,b:2/hark/0"),
        ("rediss+cluster://:planted@a:1,[::1]:2", "rediss+cluster://a:1,[::1]:2"),
        ("redis://:plan/ted@host:6379", "redis://host:6379"),
        ("redis://host?password=planted", "redis://host"),
        ("unix://:planted@/run/a@b.sock?db=2", "unix:///run/a@b.sock?db=2"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert without_password(url) == shown


async def test_a_password_error_is_permanent_on_a_cluster_too(nodes: list[Node]) -> None:
    store = Store(_cluster_url(nodes).replace("://", "://nobody:planted@"))
    with pytest.raises(PermanentError, match="refused the password") as caught:
        await store.ping()
    assert "planted" not in str(caught.value)
    await store.close()
