"""The short set: every figure that the gate is held to, in a form that is soon printed.

    python -m benchmarks [PART …] [--markdown]

    metadata     what all rules about a release cost
    decode       CPU of the pass over the audio beside fpcalc's; whether its sub-prints are libchromaprint's to the bit
    robustness   which disguised copies are found, with the factor, and what is found that is none
    catalogue    one recording sought among many: CPU, bytes a recording, building and merging
    search       the search for copies piece by piece; one candidate verified, beside pyacoustid
    kills        an index whose processes are killed: nothing acknowledged is lost, and it opens
    pipeline     CPU of a track from delivery to decision, beside fpcalc's
    throughput   how many tracks a day this machine sustains
    latency      how long the API lets one wait
    names        how fast and how rightly names are sought

Without names of parts, all of them, in some nine minutes. Figures go to standard output, progress to standard error.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import Any

from benchmarks import gate, machine
from benchmarks.report import Table

PARTS = (
    "metadata", "decode", "robustness", "catalogue", "search", "kills", "pipeline", "throughput", "latency", "names"
)  # fmt: skip


def main() -> None:
    arguments = _arguments()
    options: dict[str, dict[str, Any]] = {
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
            for table in tables(part, folder, options.get(part, {})):
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
