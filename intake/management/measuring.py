"""Measure many audio files at once, one sandboxed child for each core, with a bar that shows how far it is."""

from __future__ import annotations

import contextlib
import os
import queue
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TextIO, TypeVar

from django.db import DatabaseError
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from checks.analysis import Analyser
from checks.analysis.c2pa_trust import TrustList
from checks.model.release import AudioFacts, CredentialState
from intake.models import TrustRoot
from intake.readers import release_mapping

T = TypeVar("T")
R = TypeVar("R")


def count_measuring_workers() -> int:
    """As many as this process may use cores."""
    return len(os.sched_getaffinity(0))


def trust_measured_facts(facts: AudioFacts) -> AudioFacts:
    """Facts with their credentials judged by the trust list, where this machine has one.

    It is asked for only where a credential holds, so that measuring needs no database.
    """
    if CredentialState.UNTRUSTED not in {item.state for item in (facts.credential, *facts.pictures)}:
        return facts
    try:
        trusted = TrustRoot.objects.trust_list()
    except DatabaseError:
        trusted = TrustList()
    return release_mapping.judge_fact_credentials(facts, trusted, timezone.now().date())


def measure_in_parallel(work: Callable[[Analyser, T], R], things: Iterable[T], at_once: int) -> Iterator[tuple[T, R]]:
    """``work`` done to every thing, in their order, on ``at_once`` threads with an analyser each.

    Takes things up only as results are taken, so that what waits between the two stays small.
    """
    with contextlib.ExitStack() as stack:
        idle: queue.SimpleQueue[Analyser] = queue.SimpleQueue()
        for _ in range(at_once):
            analyser = Analyser()
            stack.callback(analyser.close)
            idle.put(analyser)

        def run(thing: T) -> R:
            analyser = idle.get()
            try:
                return work(analyser, thing)
            finally:
                idle.put(analyser)

        pool = stack.enter_context(ThreadPoolExecutor(at_once))
        waiting: list[tuple[T, Future[R]]] = []
        for thing in things:
            waiting.append((thing, pool.submit(run, thing)))
            if len(waiting) >= 2 * at_once:
                first, future = waiting.pop(0)
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()


def iterate_with_progress(things: Iterable[T], total: int | None, doing: str, stream: TextIO) -> Iterator[T]:
    """The things as they come, with a progress bar on ``stream`` where that is a terminal."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    console = Console(file=stream)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(doing, total=total)
        for thing in things:
            yield thing
            progress.advance(task)
