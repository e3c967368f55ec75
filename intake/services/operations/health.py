"""Is everything here that the gate needs? Asked at every start, by load balancers, and by ``manage.py doctor``."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import shutil
import sqlite3
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from celery import current_app
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from checks import analysis
from intake import models
from intake.services.catalogue import index_log
from intake.services.submissions import admission

#: With less than this the next large delivery may not fit; two files of the largest size we take by default.
_ENOUGH_DISK = 8 * 1024**3
#: Seconds without a tick after which the clock is taken for stopped; the shortest tick is two seconds.
_CLOCK_SILENT = 30.0
#: Seconds a broker gets to answer.
_BROKER_PATIENCE = 2.0
#: What decides about behaviour, and so belongs into every report of a fault.
_NAMED_PACKAGES = ("django", "celery", "kombu", "djangorestframework", "av", "numpy", "pillow", "mutagen", "lxml")


@dataclass(frozen=True, slots=True)
class Answer:
    """What one question brought: ``detail`` for people, ``hint`` where something should be done."""

    name: str
    ok: bool
    detail: str
    hint: str = ""
    needed: bool = True  # without it the gate cannot do its work
    public: str = ""  # what strangers may read of a failure


class Broken(Exception):
    """The part is there and says that it cannot work.

    ``hint``: what to do, where that differs from the question's own. ``public``: what strangers may read of it.
    """

    def __init__(self, detail: str, hint: str | None = None, public: str = "") -> None:
        self.hint, self.public = hint, public
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class Question:
    """Something to ask of this installation: ``ask`` returns the detail, or raises where something is wrong."""

    name: str
    ask: Callable[[], str]
    hint: str
    needed: bool = True

    def answer(self) -> Answer:
        try:
            return Answer(self.name, True, self.ask(), needed=self.needed)
        except Broken as fault:
            hint = self.hint if fault.hint is None else fault.hint
            return Answer(self.name, False, str(fault), hint, self.needed, fault.public)
        except Exception as fault:
            # Whatever a driver raises is an answer here; its first line says enough and holds no traceback.
            detail = f"{type(fault).__name__}: {str(fault).strip().splitlines()[0] if str(fault).strip() else ''}"
            return Answer(self.name, False, detail.rstrip(": "), self.hint, self.needed)


def check_readiness() -> list[Answer]:
    """What ``/readyz`` asks: may a load balancer send requests here?"""
    return [question.answer() for question in _READY]


def run_all_health_checks() -> list[Answer]:
    """Everything that can be asked; takes a second or two, and writes one small file to the storage."""
    return [question.answer() for question in _EVERYTHING]


def _check_database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode")
            mode = cursor.fetchone()[0]
        return f"SQLite {sqlite3.sqlite_version}, journal {mode}, {settings.DATABASES['default']['NAME']}"
    version: int = getattr(connection, "pg_version", 0)  # 150004 is 15.4
    return f"{connection.display_name} {version // 10000}.{version % 10000}, {connection.settings_dict['HOST']}"


def _check_migrations() -> str:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        raise Broken(f"{len(plan)} not applied, first {plan[0][0]}")
    return "all applied"


def _check_broker() -> str:
    with current_app.connection_for_read(connect_timeout=_BROKER_PATIENCE) as broker:
        broker.ensure_connection(max_retries=1, timeout=_BROKER_PATIENCE)
        with broker.channel() as channel:
            waiting = {name: channel.queue_declare(queue=name).message_count for name in ("work", "fast")}
    kind = "embedded" if settings.GATE_BROKER_EMBEDDED else broker.transport.driver_type
    return f"{kind}; waiting: " + ", ".join(f"{name} {count}" for name, count in waiting.items())


def _storage_reachable() -> str:
    default_storage.exists("probe")
    return str(type(default_storage._wrapped).__name__)  # type: ignore[attr-defined]


def _storage_works() -> str:
    sent = uuid.uuid4().bytes
    name = default_storage.save(f"probe/{uuid.uuid4()}", ContentFile(sent))
    try:
        with default_storage.open(name) as file:
            if file.read() != sent:
                raise Broken("what was read is not what had been written")
    finally:
        default_storage.delete(name)
    return f"{_storage_reachable()}; written, read and deleted"


def _check_index() -> str:
    found = index_log.compare_index_with_log()
    place = f"position {found.position} of {found.end} of the catalogue's log"
    if found.faults:
        raise Broken(f"{'; '.join(found.faults)}; {place}")
    if not found.current:
        raise Broken(f"{found.behind} changes behind: no sound is compared on this host; {place}")
    return f"{found.recordings} known recordings can be searched; {place}"


def _check_policy() -> str:
    policy = admission.read_policy()
    return f"version {policy.version}, {policy.digest}"


def _check_fingerprinter() -> str:
    return str(analysis.fingerprint_backend())


def _check_sandbox() -> str:
    from checks.analysis import Level, sandbox_escapes

    try:
        level, tried = sandbox_escapes.run_escape_tests()
    except analysis.AnalysisUnavailable as fault:
        raise Broken(str(fault), hint=_DECODER_HINT) from fault
    succeeded = sorted({item.what for item in tried if not item.refused})
    user = f", as user {settings.GATE_SANDBOX_USER}" if settings.GATE_SANDBOX_USER else ""
    told = f"level {level:d} of 3 ({level.name.lower()}){user}; "
    if succeeded and (settings.PRODUCTION or level >= Level.SYSCALLS):
        hint = None if level < Level.SYSCALLS else "Report it as a defect of the gate, with this line."
        raise Broken(f"{told}not refused: {', '.join(succeeded)}", hint=hint)
    return f"{told}{sum(entry.refused for entry in tried)} of {len(tried)} attempts to leave it refused"


def _check_decoder() -> str:
    from checks.analysis import self_test

    parts = self_test.run_self_test()
    if broken := [f"{part.name}: {part.detail}" for part in parts if not part.ok]:
        raise Broken("; ".join(broken))
    return f"{', '.join(f'{part.name} ({part.detail})' for part in parts)}; {self_test.list_library_versions()}"


def _check_workers() -> str:
    """What the hosts that run workers say of themselves."""
    results = list(models.SelfTest.objects.recent().order_by("host"))
    if broken := [result for result in results if not result.ok]:
        raise Broken("; ".join(f"{entry.host}: {entry.cause}" for entry in broken))
    if not results:
        return "no worker has tested its host lately"
    return ", ".join(f"{item.host} passed at {item.ran_at:%H:%M:%S}" for item in results)


def _workers_can_measure() -> str:
    """Whether there is a host that can, as far as hosts have told; a web server cannot try it for them."""
    results = list(models.SelfTest.objects.recent().order_by("host"))
    broken = [result for result in results if not result.ok]
    if broken and len(broken) == len(results):
        causes = "; ".join(f"{item.host}: {item.cause}" for item in broken)
        kinds = sorted({kind for entry in broken for kind in _EXCEPTION.findall(entry.cause)})
        named = f" ({', '.join(kinds)})" if kinds else ""
        raise Broken(causes, public=f"no worker can measure files{named}")
    return f"{len(results) - len(broken)} of {len(results)} hosts can measure files"


def _check_work() -> str:
    dead = sum(
        model._default_manager.filter(status=models.Status.DEAD).count() for model in (models.Analysis, models.CheckRun)
    )
    waiting = models.Analysis.objects.open().count() + models.CheckRun.objects.open().count()
    return f"{waiting} pieces waiting or running, {dead} given up (their submissions are in review)"


def _check_clock() -> str:
    trace = settings.GATE_TMP / "beat"
    if not trace.exists():
        raise Broken("has not run here")
    age = max(0.0, time.time() - trace.stat().st_mtime)
    if age > _CLOCK_SILENT:
        raise Broken(f"last tick {age:.0f} s ago")
    return f"last tick {age:.0f} s ago"


def _check_disk() -> str:
    usage = shutil.disk_usage(settings.GATE_DATA)
    detail = f"{usage.free / 1024**3:.1f} of {usage.total / 1024**3:.0f} GB free below {settings.GATE_DATA}"
    if usage.free < _ENOUGH_DISK:
        raise Broken(detail)
    return detail


def _check_versions() -> str:
    named = [f"{name} {importlib.metadata.version(name)}" for name in _list_installed_versions(_NAMED_PACKAGES)]
    return f"Python {platform.python_version()} on {platform.machine()}; " + ", ".join(named)


def _list_installed_versions(names: tuple[str, ...]) -> list[str]:
    present = {distribution.name.lower() for distribution in importlib.metadata.distributions()}
    return [name for name in names if name in present]


#: The kind of an exception in a cause: it may be public, unlike its message.
_EXCEPTION = re.compile(r"\b[A-Z]\w*(?:Error|Exception)\b")

_DECODER_HINT = (
    "Install the locked versions of the libraries named, and see that there is room and memory. What waits goes on by "
    "itself; no release need be touched."
)

_DATABASE = Question("database", _check_database, "Start it, or mend DATABASE_URL.")
_BROKER = Question(
    "broker", _check_broker, "Start it, or correct REDIS_URL; until then work continues with a delay of up to 10 s."
)
_INDEX = Question(
    "index",
    _check_index,
    "It is brought up to date by itself where a worker runs; make GATE_DATA/index writable, and if it is damaged, run "
    "`manage.py index rebuild`.",
)
_POLICY = Question(
    "policy", _check_policy, "Mend the file that GATE_POLICY names; it is config/policy.toml by default."
)

_READY = (
    _DATABASE,
    _BROKER,
    _INDEX,
    Question("storage", _storage_reachable, "Start it, or mend STORAGE_URL."),
    _POLICY,
    Question("decoder", _workers_can_measure, _DECODER_HINT),
)
_EVERYTHING = (
    Question("versions", _check_versions, ""),
    _DATABASE,
    Question("migrations", _check_migrations, "Run `manage.py migrate`."),
    _BROKER,
    Question("storage", _storage_works, "Start it, mend STORAGE_URL, or give the bucket's key the right to write."),
    _INDEX,
    _POLICY,
    Question("fingerprint", _check_fingerprinter, "Reinstall the gate: neither libchromaprint nor its own port works."),
    Question("decoder", _check_decoder, _DECODER_HINT),
    Question("workers", _check_workers, f"Run `manage.py doctor` on that host. {_DECODER_HINT}"),
    Question(
        "sandbox",
        _check_sandbox,
        "Production needs level 2: a Linux kernel with seccomp, and a container engine that lets a process use it.",
    ),
    Question("disk", _check_disk, "Make room, or move GATE_DATA.", needed=False),
    Question("work", _check_work, "Run `manage.py migrate`."),
    Question("clock", _check_clock, "Start the gate: `make run`, or the beat container.", needed=False),
)
