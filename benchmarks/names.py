"""How fast a name is sought among a million protected ones, and how often the search is right.

    python -m benchmarks.names [--names 1000000] [--database URL]
    python -m benchmarks.names --accuracy
    python -m benchmarks names                             (the short set: thirty thousand names, and accuracy)

The million names are made up: given names and surnames of which some are far more frequent than others, as people's
are, bands of one word, and names of three. Each question is about a name that differs from a protected one, and is put
through the registry's own instrument, candidates compared and all. rapidfuzz looks through the same list beside it.

Accuracy is measured on a list of real artists (``real_artists.csv`` in GATE_NAMES or ../shared/names): look-alikes of
ten kinds are made of each and must be found; what real artists release under their own names must pass. One half of
the names, chosen by hash, is there to tune on; the figures to quote are those of the other half. And each name is put
through every rule as the artist of an ordinary release that its own label delivers: whatever is said then is false.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import gc
import hashlib
import itertools
import os
import random
import string
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from anyascii import anyascii  # noqa: E402 the project is found first

from benchmarks import gate, machine  # noqa: E402
from benchmarks.report import Table  # noqa: E402
from checks.model import name_matching as views  # noqa: E402
from checks.model.check import Context, OpenedArtist, ProtectedName  # noqa: E402
from checks.model.finding import Route  # noqa: E402
from checks.model.release import Account, Artist, Delivery, Release, Track  # noqa: E402
from checks.rules.identity import CHECK, compare_artist_names  # noqa: E402
from checks.rules.metadata import IDENTIFIERS, METADATA  # noqa: E402
from tests.checks.builders import LABEL, a_context, a_delivery, a_release, an_album  # noqa: E402

# --- Accuracy -----------------------------------------------------------------------------------------------------

CYRILLIC_LOOKS = str.maketrans("aeopcyxiABEKMHOPCTX", "аеорсухіАВЕКМНОРСТХ")
GREEK_LOOKS = str.maketrans("ovABEZHIKMNOPTYX", "ονΑΒΕΖΗΙΚΜΝΟΡΤΥΧ")
LEET = {"a": "4", "e": "3", "i": "1", "o": "0", "s": "5", "t": "7", "S": "$", "l": "1"}
#: How English names are commonly written in Russian and in Greek, letter by letter, the longer spellings first.
RUSSIAN = {
    "sh": "ш", "ch": "ч", "th": "т", "ph": "ф", "ck": "к", "ee": "и", "oo": "у", "qu": "кв", "a": "а", "b": "б",
    "c": "к", "d": "д", "e": "е", "f": "ф", "g": "г", "h": "х", "i": "и", "j": "дж", "k": "к", "l": "л", "m": "м",
    "n": "н", "o": "о", "p": "п", "q": "к", "r": "р", "s": "с", "t": "т", "u": "у", "v": "в", "w": "в", "x": "кс",
    "y": "й", "z": "з",
}  # fmt: skip
GREEK = {
    "th": "θ", "ph": "φ", "ch": "χ", "ps": "ψ", "ck": "κ", "oo": "ου", "a": "α", "b": "μπ", "c": "κ", "d": "ντ",
    "e": "ε", "f": "φ", "g": "γκ", "h": "χ", "i": "ι", "j": "τζ", "k": "κ", "l": "λ", "m": "μ", "n": "ν", "o": "ο",
    "p": "π", "q": "κ", "r": "ρ", "s": "σ", "t": "τ", "u": "ου", "v": "β", "w": "ου", "x": "ξ", "y": "υ", "z": "ζ",
}  # fmt: skip
KEYWORDS: Sequence[Callable[[str], tuple[str, str, str]]] = (
    lambda name: (f"{name} AI", "Low Tide", ""),
    lambda name: (f"{name} Cover", "Low Tide", ""),
    lambda name: (f"{name} Tribute Band", "Low Tide", ""),
    lambda name: (f"Sounds Like {name}", "Low Tide", ""),
    lambda name: ("Mara Lindqvist", f"Low Tide ({name} AI Cover)", ""),
    lambda name: ("Mara Lindqvist", f"{name} Type Beat", ""),
    lambda name: ("Mara Lindqvist", "Low Tide", f"{name} Remix"),
    lambda name: ("Mara Lindqvist", f"Low Tide (AI Voice of {name})", ""),
)  # fmt: skip

#: Kinds that hardly anybody should get past, and all kinds together: the share that must be found.
SURE_KINDS = ("homoglyph", "spacing", "punctuation", "keyword")
SURE = 0.99
OVERALL = 0.95
#: Of pairs of real artists at most so many may be taken for each other.
FALSE_ALARMS = 2 / 10_000


def real_names() -> list[str] | None:
    """The list of real artists; None where it is missing."""
    table = Path(os.environ.get("GATE_NAMES", ROOT.parent / "shared" / "names")) / "real_artists.csv"
    if not table.exists():
        return None
    with table.open(encoding="utf-8", newline="") as rows:
        return sorted({row["name"].strip() for row in csv.DictReader(rows)})


def halves(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Those to tune on, and those to report on."""
    even = [name for name in names if hashlib.sha256(name.encode()).digest()[0] % 2 == 0]
    return even, [name for name in names if name not in set(even)]


def lookalikes(name: str) -> Iterator[tuple[str, tuple[str, str, str]]]:
    """(kind, (artist, title, version)) of look-alikes of a name, always the same."""
    for kind, make in KINDS.items():
        for number in range(VARIANTS):
            made = make(name, random.Random(f"{kind} {number} {name}"))
            artist = made if isinstance(made, tuple) else (made, "Low Tide", "")
            if artist != (name, "Low Tide", "") and views.fold_name(artist[0]) != views.fold_name(name):
                yield kind, artist


#: Look-alikes of each kind for each name.
VARIANTS = 3


def _homoglyph(name: str, chance: random.Random) -> str:
    return name.translate(chance.choice([CYRILLIC_LOOKS, GREEK_LOOKS]))


def _places(name: str) -> list[int]:
    return [place for place, letter in enumerate(name) if letter.isalpha()]


def _added(name: str, chance: random.Random) -> str:
    place = chance.choice(_places(name))
    return name[:place] + chance.choice(string.ascii_lowercase) + name[place:]


def _dropped(name: str, chance: random.Random) -> str:
    place = chance.choice(_places(name))
    return name[:place] + name[place + 1 :]


def _swapped(name: str, chance: random.Random) -> str:
    places = [item for item in _places(name)[:-1] if name[item + 1].isalpha() and name[item] != name[item + 1]]
    if not places:
        return name
    place = chance.choice(places)
    return name[:place] + name[place + 1] + name[place] + name[place + 2 :]


def _doubled(name: str, chance: random.Random) -> str:
    place = chance.choice(_places(name))
    return name[: place + 1] + name[place].lower() + name[place + 1 :]


def _punctuation(name: str, chance: random.Random) -> str:
    place = chance.randrange(1, len(name))
    return name[:place] + chance.choice(".-'!_,") + name[place:]


def _spacing(name: str, chance: random.Random) -> str:
    if " " in name and chance.random() < 0.5:
        return name.replace(" ", "", 1)
    places = [item for item in range(1, len(name)) if name[item - 1].isalnum() and name[item].isalnum()]
    place = chance.choice(places)
    return name[:place] + " " + name[place:]


def _leet(name: str, chance: random.Random) -> str:
    places = [item for item in range(len(name)) if name[item] in LEET]
    chosen = set(chance.sample(places, min(len(places), chance.randint(1, 3))))
    return "".join(LEET[letter] if place in chosen else letter for place, letter in enumerate(name))


def _transliterated(name: str, chance: random.Random) -> str:
    if not name.isascii():
        return anyascii(name)
    table, text = chance.choice([RUSSIAN, GREEK]), name.casefold()
    for written, letter in table.items():
        text = text.replace(written, letter)
    return text.title()


def _keyword(name: str, chance: random.Random) -> tuple[str, str, str]:
    return chance.choice(KEYWORDS)(name)


KINDS: Mapping[str, Callable[[str, random.Random], Any]] = {
    "homoglyph": _homoglyph,
    "added letter": _added,
    "dropped letter": _dropped,
    "swap": _swapped,
    "doubled letter": _doubled,
    "punctuation": _punctuation,
    "spacing": _spacing,
    "leet": _leet,
    "transliteration": _transliterated,
    "keyword": _keyword,
}


class Everyone:
    """A registry that finds every protected name by its keys, as the real one does; each label has one artist."""

    def __init__(self, names: Sequence[str]) -> None:
        self._by_key: dict[int, list[tuple[int, ProtectedName]]] = {}
        for name in names:
            entry = ProtectedName(name, name, frozenset({f"label of {name}"}))
            for kept in views.build_index_entries(name):
                self._by_key.setdefault(kept.key, []).append((kept.sketch, entry))

    def near_all(self, names: Any) -> Mapping[str, Sequence[ProtectedName]]:
        return {
            name: list(
                {
                    one.artist: one
                    for asked in views.build_index_entries(name)
                    for sketch, one in self._by_key.get(asked.key, ())
                    if asked.meets(sketch)
                }.values()
            )
            for name in names
        }

    def opened_by(self, text: str) -> OpenedArtist | None:
        return None


def taken_for(
    registry: Everyone, artist: str, title: str = "Low Tide", version: str = "", account: str = ""
) -> set[str]:
    """The protected artists for whose sake a release would be reviewed."""
    shown = (Artist(artist),)
    track = Track(1, title, "01.flac", version=version, display_artists=shown)
    release = Release(title, "single", (track,), version=version, display_artists=shown)
    delivery = Delivery(release, Account(account, account), dt.date(2026, 11, 20))
    instruments: Any = None
    findings = CHECK.run(delivery, Context(instruments, registry, instruments, instruments, instruments))
    return {str((finding.evidence or {}).get("artist")) for finding in findings if finding.code.route is not Route.PASS}


def recall(names: Sequence[str]) -> dict[str, tuple[int, int]]:
    """How many look-alikes of each kind were found, of how many."""
    registry = Everyone(names)
    found = {kind: [0, 0] for kind in KINDS}
    for name in names:
        for kind, (artist, title, version) in lookalikes(name):
            found[kind][1] += 1
            found[kind][0] += name in taken_for(registry, artist, title, version)
    return {kind: (hits, made) for kind, (hits, made) in found.items()}


def missed(names: Sequence[str]) -> Iterator[str]:
    """The look-alikes that were not found, to look at while tuning."""
    registry = Everyone(names)
    for name in names:
        for kind, (artist, title, version) in lookalikes(name):
            if name not in taken_for(registry, artist, title, version):
                yield f"{kind}: {name} → {artist} | {title} | {version}"


def false_alarms(names: Sequence[str]) -> dict[str, list[str]]:
    """What real artists were stopped for: their own label's ordinary release; a release beside all other artists."""
    everyone = Everyone(names)
    own = [name for name in names if taken_for(everyone, name, account=f"label of {name}")]
    strangers = [
        f"{name} / {other}" for name in names for other in sorted(taken_for(everyone, name) - {name}) if other != name
    ]
    alike = [
        f"{one} / {other} ({kind})"
        for one, other in itertools.combinations(names, 2)
        if (kind := compare_artist_names(one, other) or compare_artist_names(other, one))
    ]
    return {"own release": own, "as another artist": strangers, "pairs": alike}


def told_of_real_names(names: Sequence[str]) -> Counter[tuple[str, str]]:
    """(code, what follows by default) → how many real artists hear it on an ordinary release under their own name.

    Half of the releases are singles, half albums; the label is called after nobody, and the registry guards everyone.
    """
    everyone = Everyone(names)
    heard: Counter[tuple[str, str]] = Counter()
    for number, name in enumerate(names):
        release = an_album(12) if number % 2 else a_release()
        shown = (replace(release.display_artists[0], name=name),)
        tracks = tuple(replace(track, display_artists=shown) for track in release.tracks)
        account = f"label of {name}"
        delivery = a_delivery(
            replace(release, display_artists=shown, tracks=tracks), account=Account(account, LABEL, (LABEL,))
        )
        context = replace(a_context(), names=everyone)
        found = {finding.code for check in (IDENTIFIERS, METADATA, CHECK) for finding in check.run(delivery, context)}
        heard.update((code.id, code.route.value) for code in found if code.id != "artist.authorised")
    return heard


def false_positives(names: Sequence[str]) -> Table:
    """The same as a table, with every heuristic about names that said nothing in one line."""
    heard = told_of_real_names(names)
    silent = {code.id for code in (*METADATA.codes, *CHECK.codes) if code.id.startswith("artist.")}
    silent -= {code for code, _ in heard} | {"artist.authorised"}
    rows = [[code, route, _share(count, len(names))] for (code, route), count in heard.most_common()]
    return Table(
        "What real artists are told on an ordinary release of their own",
        "python -m benchmarks.names --accuracy",
        ["code", "follows", "told wrongly"],
        [*rows, [f"each of {len(silent)} other rules about artists", "", _share(0, len(names))]],
    )


def run(folder: Path, count: int = 30_000) -> list[Table]:
    """The short form: a registry that is filled in half a minute, and accuracy where the list of names is at hand."""
    return [speed(folder, count), *(accuracy() if real_names() else [])]


def accuracy() -> list[Table]:
    """What is found of what should be, and what of what should not."""
    names = real_names()
    if names is None:
        sys.exit("no list of real names: set GATE_NAMES")
    tune, report = halves(names)
    columns = {"tuned on": recall(tune), "reported": recall(report)}
    rows = [[kind, *(_share(*found[kind]) for found in columns.values())] for kind in KINDS]
    sums = [
        (sum(hits for hits, _ in column.values()), sum(made for _, made in column.values()))
        for column in columns.values()
    ]
    rows.append(["all kinds", *(_share(*item) for item in sums)])
    found = Table("Look-alikes found", "python -m benchmarks.names --accuracy", ["kind", *columns], rows)
    alarms = {"tuned on": false_alarms(tune), "reported": false_alarms(report), "all": false_alarms(names)}
    sizes = dict(zip(alarms, (len(tune), len(report), len(names)), strict=True))
    rows = [
        ["own label's release stopped", *(f"{len(one['own release'])}/{sizes[half]}" for half, one in alarms.items())],
        [
            "taken for another artist",
            *(f"{len(one['as another artist'])}/{sizes[half]}" for half, one in alarms.items()),
        ],
        [
            "pairs alike",
            *(f"{len(one['pairs'])}/{sizes[half] * (sizes[half] - 1) // 2}" for half, one in alarms.items()),
        ],
    ]
    stopped = Table(
        "Real artists stopped",
        "python -m benchmarks.names --accuracy",
        ["what", *alarms],
        rows,
        [f"pairs: {', '.join(alarms['all']['pairs']) or 'none'}",
         f"another: {', '.join(alarms['all']['as another artist']) or 'none'}",
         f"own: {', '.join(alarms['all']['own release']) or 'none'}"],
    )  # fmt: skip
    return [found, stopped, false_positives(names)]


def _share(hits: int, made: int) -> str:
    return f"{hits}/{made} {100 * hits / made:.1f} %"


# --- Speed --------------------------------------------------------------------------------------------------------

#: A name has some thirty keys; more of them are never waited for in one statement.
LOADED_AT_ONCE = 500_000
QUESTIONS = 1000
#: Display artists, and names in titles, of a long release.
NAMES_OF_A_RELEASE = 30
#: rapidfuzz reads the whole list for each question.
SCANS = 5


def made_up(count: int) -> list[str]:
    """So many different names, as frequent in their parts as people's are (Zipf), some of one word, some of three."""
    chance = random.Random(1)
    syllables = [
        first + vowel + last for first in "bdfghjklmnprstvw" for vowel in "aeiou" for last in ("", "n", "r", "l", "s")
    ]

    def pool(size: int, most: int) -> list[str]:
        words: dict[str, None] = {}
        while len(words) < size:
            words["".join(chance.choices(syllables, k=chance.randint(1, most))).title()] = None
        return list(words)

    given, family, nouns = pool(5_000, 3), pool(50_000, 3), pool(300_000, 4)
    frequent = [list(itertools.accumulate(1 / (rank + 10) for rank in range(len(item)))) for item in (given, family)]
    names: dict[str, None] = {}
    while len(names) < count:
        batch = 100_000
        firsts = chance.choices(given, cum_weights=frequent[0], k=batch)
        lasts = chance.choices(family, cum_weights=frequent[1], k=batch)
        for first, last in zip(firsts, lasts, strict=True):
            kind = chance.random()
            if kind < 0.15:
                names[chance.choice(nouns)] = None
            elif kind < 0.85:
                names[f"{first} {last}"] = None
            else:
                names[f"{first} {chance.choice(given)} {last}"] = None
    return list(names)[:count]


def load(names: Sequence[str]) -> tuple[float, float, int]:
    """Put the names into the registry as a restored backup would: (seconds for keys, seconds for rows, keys)."""
    from django.db import connection, transaction

    from intake.models import ProtectedArtist, ProtectedName

    begun = time.perf_counter()
    keys: list[np.ndarray] = []
    taken = ProtectedName.objects.count()  # the shelves hold some already
    for number, name in enumerate(names, taken + 1):
        mine = {(entry.key, number, entry.sketch) for entry in views.build_index_entries(name)}
        keys.append(np.array(sorted(mine), np.int64).T)
    rows = np.concatenate(keys, axis=1)
    keys.clear()
    rows = rows[:, np.argsort(rows[0], kind="stable")]
    computed = time.perf_counter() - begun
    begun = time.perf_counter()
    with transaction.atomic():
        for start in range(0, len(names), 5_000):
            batch = names[start : start + 5_000]
            artists = ProtectedArtist.objects.bulk_create(ProtectedArtist(name=name) for name in batch)
            ProtectedName.objects.bulk_create(
                ProtectedName(pk=taken + start + place, artist=artist, name=artist.name, kind="name")
                for place, artist in enumerate(artists, 1)
            )
        with connection.cursor() as cursor:
            into = "INSERT INTO intake_namekey (key, name_id, sketch)"
            for start in range(0, rows.shape[1], LOADED_AT_ONCE):
                columns = rows[:, start : start + LOADED_AT_ONCE].tolist()
                if connection.vendor == "postgresql":
                    values = "SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[])"
                    cursor.execute(f"{into} {values}", columns)
                else:
                    cursor.executemany(f"{into} VALUES (%s, %s, %s)", list(zip(*columns, strict=True)))
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE intake_namekey")
    return computed, time.perf_counter() - begun, int(rows.shape[1])


def stored_bytes(folder: Path) -> int:
    """What the database takes."""
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])
    if not connection.in_atomic_block:  # within a transaction the log cannot be emptied
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return sum(path.stat().st_size for path in folder.rglob("*.sqlite3"))


def speed(folder: Path, count: int) -> Table:
    """Build the registry, ask it, and let rapidfuzz look through the same list."""
    from django.db import connection
    from rapidfuzz import fuzz, process

    from intake.readers.protected_names import Names

    names = made_up(count)
    before = stored_bytes(folder)
    computed, written, keys = load(names)
    size = stored_bytes(folder) - before
    chance = random.Random(2)
    questions = [_added(chance.choice(names), chance) for _ in range(QUESTIONS)]
    found = 0

    def ask(some: Sequence[str]) -> tuple[float, float]:
        nonlocal found
        begun, used = time.perf_counter(), time.process_time()
        near = Names().near_all(some)  # one remembers what it was asked
        found += sum(any(compare_artist_names(name, entry.name) for entry in near.get(name, ())) for name in some)
        return 1000 * (time.perf_counter() - begun), 1000 * (time.process_time() - used)

    for name in questions[:50]:
        ask([name])
    gc.collect()
    gc.freeze()  # as the gate's own processes do when they have loaded everything
    found = 0
    single = [ask([name]) for name in questions]
    hits = found
    free = [ask([name]) for name in made_up(2000)[1000:]]
    batches = [questions[start : start + NAMES_OF_A_RELEASE] for start in range(0, QUESTIONS, NAMES_OF_A_RELEASE)]
    batched = [ask(batch) for batch in batches]
    scans = []
    for name in questions[:SCANS]:
        begun, used = time.perf_counter(), time.process_time()
        process.extract(name, names, scorer=fuzz.ratio, limit=5, score_cutoff=80)
        scans.append((1000 * (time.perf_counter() - begun), 1000 * (time.process_time() - used)))
    rows = [
        ["look-alike of a protected name", *_quantiles(single)],
        ["a protected name itself", *_quantiles(free)],
        [f"{NAMES_OF_A_RELEASE} names of one release", *_quantiles(batched)],
        ["rapidfuzz process.extract, one name", *_quantiles(scans)],
    ]
    return Table(
        f"One name among {count:,} ({connection.vendor})",
        f"python -m benchmarks.names --names {count}",
        ["question", "p50 ms", "p99 ms", "p99 ms of CPU"],
        rows,
        [
            f"{hits}/{QUESTIONS} look-alikes found; {keys / count:.1f} keys and {size / count:.0f} bytes a name",
            f"built in {computed + written:.0f} s: {computed:.0f} s for the keys, {written:.0f} s to write them",
            f"load {os.getloadavg()[0]:.1f} at the end",
        ],
    )


def _quantiles(times: Sequence[tuple[float, float]]) -> list[str]:
    """Of the waiting the middle and one in a hundred; of the own work, which no neighbour slows, one in a hundred."""
    waited, worked = zip(*times, strict=True)
    return [f"{value:.2f}" for value in (*np.quantile(waited, [0.5, 0.99]), np.quantile(worked, 0.99))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", type=int, default=1_000_000)
    parser.add_argument("--database", help="another than SQLite; it is emptied")
    parser.add_argument("--accuracy", action="store_true", help="how often the search is right, instead of how fast")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    if options.accuracy:
        tables = accuracy()
    else:
        with gate.state(options.database) as folder:
            print("\n".join(machine.describe(folder)), end="\n\n")
            tables = [speed(folder, options.names)]
    for table in tables:
        print(table.markdown() if options.markdown else table.text(), flush=True)


if __name__ == "__main__":
    main()
