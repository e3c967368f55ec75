"""What can be looked at: waveforms, spectra, where two recordings are alike; for moderators only, each look noted."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe

from checks.analysis import similarity_matrix
from intake.admin.decision_views import Deciding
from intake.admin.file_streaming import (
    answer_waveform_json,
    get_waveform_or_404,
    kept_private,
    record_file_view,
    require_listening_right,
)
from intake.admin.review_page import FULL_BAND
from intake.models import Analysis, Finding, KnownRecording, Portrait, Resource

#: The plot of an average spectrum, in its own units: its frame, and the levels from its top to its bottom in dB.
_LEFT, _TOP, _WIDTH, _HEIGHT = 34, 8, 560, 150
_LOUDEST, _QUIETEST = -20, -120
#: Lines of a lattice that are drawn; more would be a grey area.
_MOST_LINES = 60


class Pictures(Deciding):
    """Pictures of delivered recordings, by submission and resource."""

    def get_urls(self) -> list[URLPattern]:
        def page(address: str, view: Any, name: str) -> URLPattern:
            return path(address, self.admin_site.admin_view(require_safe(view)), name=f"intake_submission_{name}")

        return [
            page("<uuid:pk>/files/<int:resource>/waveform.json", self.waveform_view, "waveform"),
            page("<uuid:pk>/files/<int:resource>/spectrogram.png", self.spectrogram_view, "spectrogram"),
            page("<uuid:pk>/files/<int:resource>/spectrum.svg", self.spectrum_view, "spectrum"),
            page("<uuid:pk>/findings/<int:finding>/alike/<int:number>.png", self.alike_view, "alike"),
            *super().get_urls(),
        ]

    def waveform_view(self, request: HttpRequest, pk: uuid.UUID, resource: int) -> HttpResponseBase:
        """What the player draws of a delivered recording."""
        return answer_waveform_json(self._audio(request, pk, resource, "").blob)

    def spectrogram_view(self, request: HttpRequest, pk: uuid.UUID, resource: int) -> HttpResponseBase:
        """All of a recording over time and pitch."""
        drawn = get_waveform_or_404(self._audio(request, pk, resource, "spectrogram").blob)
        return kept_private(HttpResponse(bytes(drawn.spectrogram), content_type="image/png"))

    def spectrum_view(self, request: HttpRequest, pk: uuid.UUID, resource: int) -> HttpResponseBase:
        """The average spectrum, with what was found in it marked."""
        audio = self._audio(request, pk, resource, "average spectrum")
        drawn = get_waveform_or_404(audio.blob)
        analysis = Analysis.objects.filter(pk=audio.blob_id).first()
        facts = (analysis.facts if analysis else None) or {}
        plot = render_to_string("admin/intake/review/spectrum.svg", build_spectrum_plot(drawn, facts))
        return kept_private(HttpResponse(plot, content_type="image/svg+xml"))

    def alike_view(self, request: HttpRequest, pk: uuid.UUID, finding: int, number: int) -> HttpResponseBase:
        """Every moment of a delivered recording against every moment of the known one that it matches."""
        require_listening_right(request)
        row = get_object_or_404(Finding.objects.current().select_related("submission"), pk=finding, submission=pk)
        match, ours, theirs = _get_compared_pair(row, number)
        record_file_view(request, row.submission, f"comparison with known recording {match['recording']}")
        try:
            picture = similarity_matrix.draw_similarity_matrix(ours, theirs, list(_iterate_match_segments(match)))
        except ValueError as error:
            raise Http404(str(error)) from error
        return kept_private(HttpResponse(picture, content_type="image/png"))

    def _audio(self, request: HttpRequest, pk: uuid.UUID, resource: int, what: str) -> Resource:
        """A delivered recording that this person may look at; ``what`` of it goes on record."""
        require_listening_right(request)
        audio = get_object_or_404(
            Resource.objects.select_related("blob", "submission"),
            pk=resource,
            submission=pk,
            kind=Resource.Kind.AUDIO,
            blob__stored_at__isnull=False,
        )
        if what:
            record_file_view(request, audio.submission, f"{what} {audio.name}")
        return audio


def build_spectrum_plot(drawn: Portrait, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The plot of an average spectrum: its line, its grid, and marks for what is suspected in it."""
    levels = np.frombuffer(bytes(drawn.spectrum), "<f2").astype(float)
    top = drawn.rate / 2
    points = " ".join(
        f"{_LEFT + _WIDTH * (number + 0.5) / len(levels):.1f},{_spectrum_y(level):.1f}"
        for number, level in enumerate(levels)
    )
    return {
        "frame": {"x": _LEFT, "y": _TOP, "width": _WIDTH, "height": _HEIGHT, "bottom": _TOP + _HEIGHT},
        "points": points,
        "levels": [(level, _spectrum_y(level)) for level in range(_LOUDEST, _QUIETEST - 1, -25)],
        "pitches": [(khz, _spectrum_x(khz * 1000, top)) for khz in range(0, int(top // 1000) + 1, 4)],
        "end": _spectrum_x(facts["bandwidth_hz"], top) if _ends_early(facts, top) else None,
        "lines": [_spectrum_x(hz, top) for hz in lattice_lines(facts)],
    }


def lattice_lines(facts: Mapping[str, Any]) -> Sequence[float]:
    """The frequencies of a lattice that was found, in Hz."""
    lattice = facts.get("lattice") or {}
    rate = lattice.get("rate_hz")
    if not rate or lattice.get("strength") in (None, "none"):
        return ()
    lowest, highest = lattice.get("lower_hz") or 0.0, lattice.get("upper_hz") or 0.0
    first = int(lowest // rate) + 1
    lines = [rate * number for number in range(first, int(highest // rate) + 1)]
    return lines[:: max(1, -(-len(lines) // _MOST_LINES))]


def _ends_early(facts: Mapping[str, Any], top: float) -> bool:
    """Whether the sound ends clearly below what the rate could carry."""
    end = facts.get("bandwidth_hz")
    return isinstance(end, int | float) and end < FULL_BAND * top


def _spectrum_x(hz: float, top: float) -> float:
    return round(_LEFT + _WIDTH * hz / top, 1) if top else _LEFT


def _spectrum_y(level: float) -> float:
    share = (_LOUDEST - level) / (_LOUDEST - _QUIETEST)
    return round(_TOP + _HEIGHT * min(1.0, max(0.0, share)), 1)


def _get_compared_pair(row: Finding, number: int) -> tuple[Mapping[str, Any], bytes, bytes]:
    """The match of a finding, and both fingerprints. Raises Http404 where one is missing."""
    matches = row.evidence.get("matches") if isinstance(row.evidence, Mapping) else None
    match = matches[number] if isinstance(matches, list) and number < len(matches) else {}
    kind, _, position = row.subject.partition(":")
    known = str(match.get("recording", ""))
    if kind != "track" or not position.isdigit() or not known.isdigit():
        raise Http404("no such match")
    track = get_object_or_404(row.submission.tracks.select_related("resource"), position=int(position))
    analysis = get_object_or_404(Analysis, pk=track.resource.blob_id)
    theirs = get_object_or_404(KnownRecording, pk=int(known))
    return match, bytes(analysis.fingerprint), bytes(theirs.fingerprint)


def _iterate_match_segments(match: Mapping[str, Any]) -> Iterator[tuple[float, float, float, float]]:
    names = ("start", "end", "reference_start", "reference_end")
    for item in match.get("segments") or ():
        if all(isinstance(item.get(name), int | float) for name in names):
            start, end, their_start, their_end = (float(item[name]) for name in names)
            yield start, end, their_start, their_end
