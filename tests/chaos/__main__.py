"""`make chaos`: one long storm; the seed is printed first, and given again it makes the same choices."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

from tests.chaos.storm import rage


def main() -> int:
    """Run it, print the report, return 0 where all held."""
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--faults", type=int, default=60)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--redis", type=Path, help="another server's program")
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="hark-chaos-"))
    report = asyncio.run(rage(folder, chosen.jobs, chosen.faults, chosen.seed, chosen.redis))
    print(report)
    print(f"logs and data: {folder}")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
