"""Whether a recording carries the lines that decoders of generated sound leave: a reason to listen, never a verdict."""

from __future__ import annotations

from collections.abc import Iterator

from checks.analysis.artefact_lines import MODERATE, WEAK
from checks.analysis.decoder_rates import load_decoder_rates
from checks.model.ai_declaration import IN_WORDS, find_declared_extent
from checks.model.artefact_model import Model, Rarity, extract_model_features, rank_artefact_score
from checks.model.check import Check, Context
from checks.model.evidence_matrix import Says
from checks.model.finding import JSON, Code, Finding, Route, Severity
from checks.model.release import HOLES_Z, Delivery, LatticeFacts, Track

TRACES = Code(
    "lattice.traces",
    "The sound carries clear traces as decoders of generated sound leave them; there are innocent causes as well.",
    Severity.WARNING,
    Route.NOTE,
    "published research on decoder artefacts; this gate's own measurements",
)
WEAK_TRACES = Code(
    "lattice.weak_traces",
    "The sound carries weak traces of the kind that decoders of generated sound leave.",
    Severity.INFORMATION,
    Route.NOTE,
    "published research on decoder artefacts; this gate's own measurements",
)
HOLES = Code(
    "lattice.holes",
    "The sound has gaps where such traces would be, as decoders leave that repeat samples and smooth them.",
    Severity.INFORMATION,
    Route.NOTE,
    "this gate's own measurements",
    private=True,
)
MODEL = Code(
    "lattice.model",
    "The model that this installation trained on its own recordings ranks the sound above its threshold.",
    Severity.WARNING,
    Route.NOTE,
    "this installation's own recordings",
    private=True,
)
MODEL_UNUSABLE = Code(
    "lattice.model_unusable",
    "The model that this installation names cannot be used; the sound was judged without it.",
    Severity.INFORMATION,
    Route.NOTE,
    "this gate",
    private=True,
)

#: Known ways to come by lines at any rate, none of which says that a machine wrote or sang anything.
INNOCENT = (
    "tracker music and chip music at 125 beats a minute",
    "time-stretching by a phase vocoder",
    "spectral denoising",
    "looped synthetic sounds",
    "mastering, stem separation, voice conversion or a codec by a neural network: post-production, not authorship",
)

_SCOPE = "It cannot be told which part of the sound carries them: voice, instruments or the finishing."


def find_generator_artefacts(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Each track's traces, gaps, and what the installation's own model says. Where nothing is, nothing is said."""
    model = None
    if context.lattice is not None:
        model, unusable = context.lattice.model()
        if unusable:
            yield Finding(MODEL_UNUSABLE, "release", f"The model cannot be used: {unusable}.")
    for track in delivery.release.tracks:
        facts = delivery.facts.get(track.file)
        if facts is None or facts.lattice is None or not facts.lattice.assessed:
            continue
        if facts.lattice.found:
            scores = context.lattice.human_scores(facts.lattice.feature_version) if context.lattice else ()
            yield _report_artefact_lines(track, facts.lattice, rank_artefact_score(scores, facts.lattice.z or 0.0))
        if facts.lattice.holes:
            yield _report_spectral_gaps(track, facts.lattice)
        if model is not None and model.feature_version == facts.lattice.feature_version:
            yield from _report_model_score(track, facts.lattice, model)


def _report_artefact_lines(track: Track, facts: LatticeFacts, among: Rarity) -> Finding:
    weak = facts.strength == "weak"
    declared = find_declared_extent(track)
    return Finding(
        WEAK_TRACES if weak else TRACES,
        track.subject,
        f"Lines at multiples of {_format_hertz(facts.rate_hz)} stand out of the averaged spectrum ({facts.strength}, "
        f"z {facts.z:.1f}): {among.words}. Decoders of generated sound leave such lines, and so do other things; "
        f"{IN_WORDS[declared]}.",
        measured=facts.z,
        threshold=WEAK if weak else MODERATE,
        evidence={
            "says": (Says.TRACES_WEAK if weak else Says.TRACES).value,
            "declared": declared.value,
            **_serialise_artefacts(facts),
            "rarity": among.words,
            "p_value": round(among.p_value, 6) if among.calibrated else None,
            "scope": _SCOPE,
        },
        fix="Declare what was generated, or tell the reviewer how the sound was made: a tracker, time-stretching, "
        "denoising, separated stems or a mastering service can leave the same lines.",
    )


def _report_spectral_gaps(track: Track, facts: LatticeFacts) -> Finding:
    return Finding(
        HOLES,
        track.subject,
        f"Gaps at multiples of {_format_hertz(facts.holes_rate_hz)} stand out of the averaged spectrum "
        f"(z {facts.holes_z:.1f}). Decoders leave them that repeat samples; little is known about other causes.",
        measured=facts.holes_z,
        threshold=HOLES_Z,
        evidence={"rate_hz": facts.holes_rate_hz, "feature_version": facts.feature_version, "scope": _SCOPE},
    )


def _report_model_score(track: Track, facts: LatticeFacts, model: Model) -> Iterator[Finding]:
    score = model.score(extract_model_features(facts))
    if score < model.threshold:
        return
    among = rank_artefact_score(model.human_scores, score)
    declared = find_declared_extent(track)
    yield Finding(
        MODEL,
        track.subject,
        f"This installation's model ranks the sound above its threshold: {among.words}, from {model.sources} sources; "
        f"{IN_WORDS[declared]}. The score is no probability.",
        measured=round(score, 4),
        threshold=model.threshold,
        evidence={
            "says": Says.TRACES.value,
            "declared": declared.value,
            "model_sha256": model.sha256,
            "rarity": among.words,
            "p_value": round(among.p_value, 6),
            **_serialise_artefacts(facts),
            "scope": _SCOPE,
        },
    )


def _serialise_artefacts(facts: LatticeFacts) -> dict[str, JSON]:
    row = load_decoder_rates().row(facts.rate_hz or 0.0)
    innocent: list[JSON] = [*(row.innocent if row else ()), *INNOCENT]
    families: list[JSON] = [*row.families] if row else []
    return {
        "kind": "acoustic traces: the weakest kind of evidence, after signed provenance and after tags",
        "rate_hz": facts.rate_hz,
        "z": facts.z,
        "strength": facts.strength,
        "kinds_of_decoder": families,
        "innocent_causes": innocent,
        "z_by_band": [*facts.bands],
        "z_by_passage": [*facts.segments],
        "ppm_off": facts.ppm,
        "low_high_ratio": facts.low_high_ratio,
        "rates": [{"rate_hz": rate, "z": z} for rate, z in facts.rates],
        "feature_version": facts.feature_version,
    }


def describe_artefact_plot(facts: LatticeFacts) -> str:
    """Describe the artefact plot in words."""
    if not facts.assessed or facts.z is None or facts.rate_hz is None:
        return f"Acoustic traces were not assessed ({(facts.reason or 'unknown').replace('_', ' ')})."
    row = load_decoder_rates().row(facts.rate_hz)
    kinds = f" Decoders with this rate: {', '.join(row.families)}." if row and facts.found else ""
    innocent = f" Innocent causes: {', '.join((*row.innocent, *INNOCENT))}." if row and facts.found else ""
    return (
        f"The rate that stands out most is {_format_hertz(facts.rate_hz)} with z {facts.z:.1f} ({facts.strength}), "
        f"{facts.ppm or 0:+.0f} ppm off the catalogue's; z by sub-band {_join_values(facts.bands)}, "
        f"by passage {_join_values(facts.segments)}; looked at from {facts.lower_hz or 0:.0f} "
        f"to {facts.upper_hz or 0:.0f} "
        f"Hz over {facts.seconds:.0f} s.{kinds}{innocent} "
        "Lines show a kind of processing, never who or what made the music."
    )


def _join_values(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.1f}" for value in values)


def _format_hertz(rate: float | None) -> str:
    return f"{rate:.2f} Hz".replace(".00", "")


CHECK = Check(
    name="lattice",
    version=1,
    title="Acoustic traces of synthesis",
    codes=(TRACES, WEAK_TRACES, HOLES, MODEL, MODEL_UNUSABLE),
    run=find_generator_artefacts,
    needs_audio=True,
    hears_declaration=True,
)
