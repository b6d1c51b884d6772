"""`python -m tests.bench`: every peer in the same interleaved rounds; prints and writes a table of ratios."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from tests.bench.bench import Bench, machine
from tests.bench.cases import CASES, Case
from tests.bench.install import ALL, HERE, Peer, PeerFailedError, install
from tests.bench.report import medians, table, verdicts


def main() -> None:
    """Measure what the command line asks for."""
    chosen = _arguments()
    cases = _cases(chosen.only, chosen.full)
    begun = time.monotonic()
    peers, versions, missing = install(chosen.peers, _note)
    failed: dict[str, str] = {}
    rounds: list[dict[str, Any]] = []
    about = {"machine": machine(), "peers": versions, "started": time.strftime("%Y-%m-%d %H:%M:%S %z")}
    with Bench(chosen.redis_binary, chosen.connection) as bench:
        about["server"] = bench.server
        _note(f"{bench.server}; {', '.join(peers)}; {', '.join(case.name for case in cases)}")
        try:
            for number in range(chosen.rounds):
                for case in cases:
                    for peer in _in_turn(list(peers.values()), number):
                        if case.peers is None or peer.name in case.peers:
                            _measure(bench, case, peer, number, rounds, failed)
        except KeyboardInterrupt:
            _note("stopped: what follows is of the rounds so far")
    about["took_s"] = round(time.monotonic() - begun)
    _write(about, rounds, {**missing, **failed}, list(peers), chosen.out)


def _measure(
    bench: Bench, case: Case, peer: Peer, number: int, rounds: list[dict[str, Any]], failed: dict[str, str]
) -> None:
    key = f"{peer.name} {case.name}"
    if key in failed:
        return
    try:
        figures = case.run(bench, peer)
    except PeerFailedError as error:
        failed[key] = str(error)
        _note(f"round {number + 1}  {case.name:10} {peer.title:14} FAILED: {error}")
        return
    rounds.append({"round": number + 1, "case": case.name, "peer": peer.name, "figures": figures})
    shown = "  ".join(f"{name} {value:,.2f}" for name, value in figures.items())
    _note(f"round {number + 1}  {case.name:10} {peer.title:14} {shown}")


def _in_turn(peers: list[Peer], number: int) -> list[Peer]:
    """Each round begins with another peer, so that none always comes first."""
    start = number % len(peers) if peers else 0
    return peers[start:] + peers[:start]


def _write(
    about: dict[str, Any], rounds: list[dict[str, Any]], failed: dict[str, str], peers: list[str], out: Path
) -> None:
    found = medians(rounds)
    count = max((one["round"] for one in rounds), default=0)
    host = about["machine"]
    lines = [
        table(found, peers),
        "",
        f"Medians of {count} interleaved rounds. Beside a figure: how many times as good as BullMQ on node's.",
        f"{about['server']}; {host['cpu']}, {host['cores']} cores, {host['memory_gib']} GiB, {host['system']}; "
        f"{about['started']}, took {about['took_s']} s.",
        *(f"{ALL[name].title}: {version}." for name, version in about["peers"].items()),
        *(f"Not measured: {what}: {reason}" for what, reason in failed.items()),
    ]
    text = "\n".join(lines)
    out.mkdir(parents=True, exist_ok=True)
    results = {**about, "failed": failed, "medians": found, "goals": verdicts(found), "rounds": rounds}
    (out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (out / "results.md").write_text(text + "\n")
    print(f"\n{text}")


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _cases(only: list[str], full: bool) -> list[Case]:
    if not only:
        return [case for case in CASES if full or not case.full]
    wanted = ["add-bulk" if name == "bytes" else name for name in only]
    found = [case for case in CASES if any(case.name == name or case.name.startswith(f"{name}-") for name in wanted)]
    if not found:
        raise SystemExit(f"No case is named so. There are: {', '.join(case.name for case in CASES)}, bytes.")
    return found


def _arguments() -> argparse.Namespace:
    def names(text: str) -> list[str]:
        return [name for name in text.split(",") if name]

    def peer_names(text: str) -> list[str]:
        if unknown := set(names(text)) - set(ALL):
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not among {', '.join(ALL)}")
        return names(text)

    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", type=names, default=[], help="cases, such as drain,add or drain-100,light,bytes")
    parser.add_argument("--peers", type=peer_names, default=list(ALL), help=", ".join(ALL))
    parser.add_argument("--full", action="store_true", help="also the case depth: 1,000,000 jobs, minutes a round")
    parser.add_argument("--redis-binary", type=Path, help="the server; default: the one that Hark would run")
    parser.add_argument("--connection", choices=("tcp", "unix"), default="tcp", help="how all peers reach the server")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of results.json and results.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
