"""The warm process beside each worker: for every file it forks a child that is shut in, reads, reports and ends.

Over a socket it gets one request at a time, with the open file and a pipe for the answer, and reports how the child
ended. What the child itself says is never more than data to the one who asked: JSON and bytes with a length limit.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import random
import resource
import select
import signal
import socket
import traceback
import wave
from collections.abc import Callable
from typing import Any

from checks.analysis import c2pa_reader, decode, generator_tags, protocol, sandbox
from checks.analysis.facts_json import Provenance, facts_to_json, provenance_to_json
from checks.analysis.sandbox import Isolation, Level, Limits
from checks.model.release import AudioFacts

Measure = Callable[..., AudioFacts]  # of the open file, its SHA-256 and its name


def serve_forks(descriptor: int, measure_path: str) -> None:
    """Serve until the other end of the socket is closed."""
    channel = socket.socket(fileno=descriptor)
    measure = _import_measure(measure_path)
    _warm_up()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the worker, which then closes the socket
    gc.collect()
    gc.freeze()  # what is warm stays shared with every child
    channel.send(b"{}")
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, protocol.MAX_REQUEST, 2)
        if not message:
            return
        before = _cpu_seconds()
        child = _fork_child(channel, json.loads(message), descriptors, measure)
        for received in descriptors:
            os.close(received)
        if not _wait_for_child(child, channel, before):
            return


def _import_measure(path: str) -> Measure:
    module, _, name = path.partition(":")
    measure: Measure = getattr(importlib.import_module(module), name)
    return measure


def _warm_up() -> None:
    """Measure a second of noise: whatever is imported late must be in memory, for the child can open no file."""
    noise = io.BytesIO()
    with wave.open(noise, "wb") as sink:
        sink.setnchannels(2)
        sink.setsampwidth(2)
        sink.setframerate(44100)
        sink.writeframes(random.Random(1).randbytes(4 * 44100))  # noqa: S311 - noise, not a secret
    facts = decode.measure_audio_file(noise, "", "warm-up.wav")
    generator_tags.warm_up()
    c2pa_reader.warm_up()
    if not facts.ok:
        raise RuntimeError(f"the decoder does not even read a WAVE file of our own: {facts.error}")


def _fork_child(channel: socket.socket, request: dict[str, Any], descriptors: list[int], measure: Measure) -> int:
    child = os.fork()
    if child:
        return child
    status = protocol.FAULT
    try:
        channel.close()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _answer_request(request, descriptors, measure)
        status = 0
    except MemoryError:
        status = protocol.OUT_OF_MEMORY
    except sandbox.NotIsolated as refusal:
        status = protocol.NOT_ISOLATED
        _write_descriptor(descriptors[-1], str(refusal).encode())
    except BaseException:  # whatever it is, this process must not run on as a second parent
        _write_descriptor(descriptors[-1], traceback.format_exc().encode())
    finally:
        os._exit(status)


def _answer_request(request: dict[str, Any], descriptors: list[int], measure: Measure) -> None:
    # Tags come last and in little memory: a bomb among them must not take the measurements with it.
    little_memory = sandbox.HeldMemory(generator_tags.MEMORY_BYTES)
    level, uid, gid = request["isolation"]
    sandbox.isolate_process(Limits(**request["limits"]), Isolation(Level(level), uid, gid))
    source, answer = descriptors
    with os.fdopen(source, "rb") as file:
        switched = {} if request["lattice"] else {"lattice": False}
        facts = measure(file, request["sha256"], request["name"], **switched)
        _write_record(answer, json.dumps(facts_to_json(facts), allow_nan=False).encode())
        _write_record(answer, facts.fingerprint)
        _write_record(answer, facts.picture)
        with little_memory:
            found = generator_tags.read_generator_tags(file, facts.container)
        _write_provenance(answer, found)
        if found.signed:  # a library of its own reads it: what came before is safe, should it not return
            sandbox.allow_seconds(c2pa_reader.CPU_SECONDS)
            with little_memory:
                found = generator_tags.examine_manifests(file, facts.container, found)
            _write_provenance(answer, found)


def _write_provenance(answer: int, found: Provenance) -> None:
    _write_record(answer, json.dumps(provenance_to_json(found)).encode())


def _write_record(descriptor: int, content: bytes) -> None:
    _write_descriptor(descriptor, len(content).to_bytes(protocol.LENGTH_BYTES, "big") + content)


def _write_descriptor(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _wait_for_child(child: int, channel: socket.socket, before: float) -> bool:
    """Wait for the child and report how it ended. False when no reader is left."""
    handle = os.pidfd_open(child)
    try:
        ready, _, _ = select.select([handle, channel.fileno()], [], [])
        if handle not in ready:  # the worker hung up: the file has lost its reader
            os.kill(child, signal.SIGKILL)
        _, status, _ = os.wait4(child, 0)
    finally:
        os.close(handle)
    report = {"status": status, "cpu": _cpu_seconds() - before}
    try:
        channel.send(json.dumps(report).encode())
    except OSError:
        return False
    return handle in ready


def _cpu_seconds() -> float:
    """CPU time of this process and of the children that have ended."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )
