"""The short set: what metadata and a track cost, which copies are found, how fast one recording is sought among many,
how many a day this machine sustains, how long the API lets one wait, how fast and how rightly names are sought.

    python -m benchmarks [metadata] [robustness] [catalogue] [pipeline] [throughput] [latency] [names] [--markdown]

Without names, all of them, in some six minutes. Figures go to standard output, progress to standard error.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import Any

from benchmarks import gate, machine
from benchmarks.report import Table

PARTS = ("metadata", "robustness", "catalogue", "pipeline", "throughput", "latency", "names")


def main() -> None:
    arguments = _arguments()
    options: dict[str, dict[str, Any]] = {
        "metadata": {},
        "names": {},
        "robustness": {},
        "catalogue": {},
        "pipeline": {"rounds": arguments.rounds},
        "throughput": {"count": arguments.tracks},
        "latency": {"seconds": arguments.seconds},
    }
    with gate.state(arguments.database, arguments.redis) as folder:
        head = machine.describe(folder)
        print(
            "\n".join(f"- {line}" for line in head) if arguments.markdown else "\n".join(head), end="\n\n", flush=True
        )
        for part in arguments.parts or PARTS:
            print(f"{part} …", file=sys.stderr)
            for table in tables(part, folder, options[part]):
                print(table.markdown() if arguments.markdown else table.text(), flush=True)


def tables(part: str, folder: Path, options: dict[str, Any]) -> list[Table]:
    """Run one part. Its module is read only now: it needs the settings that ``gate.state`` has chosen."""
    found: list[Table] = importlib.import_module(f"benchmarks.{part}").run(folder, **options)
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="default: all")
    parser.add_argument("--markdown", action="store_true", help="tables for docs/performance.md")
    parser.add_argument("--rounds", type=int, default=5, help="of the pipeline, for each format")
    parser.add_argument("--tracks", type=int, default=60, help="singles that are sent for the throughput")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each load on the API")
    parser.add_argument("--database", help="another than SQLite; it is emptied")
    parser.add_argument("--redis", help="another broker than the embedded one")
    return parser.parse_args()


if __name__ == "__main__":
    main()
