"""From rows and documents to the frozen values that checks judge."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from checks.analysis import Failure, artwork_client, facts_from_json
from checks.analysis.c2pa_trust import TrustList, judge_credential
from checks.model.finding import Basis, Code, Finding, Label, Route, Severity
from checks.model.release import (
    Account,
    Artist,
    AudioFacts,
    ContainsAI,
    Contribution,
    Contributor,
    Cover,
    Delivery,
    Disclosure,
    Element,
    ImageFacts,
    Imitates,
    Level,
    Relation,
    Release,
    RightsLine,
    Share,
    Track,
)
from intake import models


def map_release_document(document: Mapping[str, Any]) -> Release:
    """The release of a validated document."""
    return Release(
        title=document["title"],
        version=document.get("version") or "",
        type=document["type"],
        upc=document.get("upc") or None,
        display_label=document.get("display_label"),
        label_dpid=document.get("label_dpid") or None,
        release_date=_map_date(document.get("release_date")),
        original_release_date=_map_date(document.get("original_release_date")),
        preorder_date=_map_date(document.get("preorder_date")),
        display_artists=_map_artists(document),
        p_line=_rights_line(document.get("p_line")),
        c_line=_rights_line(document.get("c_line")),
        genre=document.get("genre"),
        language=document.get("language"),
        advisory=document.get("advisory"),
        territories=tuple(document.get("territories") or ()),
        excluded_territories=tuple(document.get("excluded_territories") or ()),
        cover=_map_cover(document.get("cover")),
        tracks=tuple(_map_track(track) for track in document["tracks"]),
    )


def map_label_account(label: models.Label) -> Account:
    """The label as checks know it."""
    return Account(id=str(label.pk), name=label.name, names=(label.name, *label.names))


def map_submission(submission: models.Submission) -> Delivery:
    """A submission with the facts of its audio files; files not measured yet are absent.

    Their credentials are judged by the trust list as it stands now: facts are older than lists.
    """
    trusted, received = models.TrustRoot.objects.trust_list(), (submission.received_at or submission.created_at).date()
    resources = submission.resources.filter(kind=models.Resource.Kind.AUDIO).select_related("blob__analysis")
    analyses = {resource.name: analysis_of(resource) for resource in resources}
    return Delivery(
        release=map_release_document(submission.metadata),
        account=map_label_account(submission.label),
        received=received,
        facts={
            name: judge_fact_credentials(map_audio_facts(analysis), trusted, received)
            for name, analysis in analyses.items()
            if analysis and analysis.final
        },
        documents={item.name: item.blob_id for item in _list_document_resources(submission) if item.blob_id},
        accepted_consents=accepted_consents(submission.label),
        images={name: trusting_image(image, trusted, received) for name, image in _map_image_facts(submission).items()},
    )


def _list_document_resources(submission: models.Submission) -> Sequence[models.Resource]:
    return list(submission.resources.filter(kind=models.Resource.Kind.DOCUMENT, blob__isnull=False))


def accepted_consents(label: models.Label) -> frozenset[tuple[str, str, str]]:
    """The consents that people have accepted from a label: SHA-256 of the document, ISRC, element."""
    rows = models.AcceptedConsent.objects.standing().filter(submission__label=label)
    return frozenset(rows.values_list("sha256", "isrc", "element"))


def judge_fact_credentials(facts: AudioFacts, trusted: TrustList, on: dt.date) -> AudioFacts:
    """Facts with their credentials judged by this trust list on this day."""
    return dataclasses.replace(
        facts,
        credential=judge_credential(facts.credential, trusted, on),
        pictures=tuple(judge_credential(picture, trusted, on) for picture in facts.pictures),
    )


def trusting_image(facts: ImageFacts, trusted: TrustList, on: dt.date) -> ImageFacts:
    """The same of an image."""
    return dataclasses.replace(facts, credential=judge_credential(facts.credential, trusted, on))


def _map_image_facts(submission: models.Submission) -> dict[str, ImageFacts]:
    """The facts of the covers, by file name; those not measured yet are absent."""
    covers = submission.resources.filter(kind=models.Resource.Kind.COVER, blob__image__isnull=False)
    measured = covers.select_related("blob__image")
    return {item.name: artwork_client.facts_from_json(item.blob.image.facts) for item in measured if item.blob}


def analysis_of(resource: models.Resource) -> models.Analysis | None:
    """The measurement of a resource's bytes, where one was begun."""
    return getattr(resource.blob, "analysis", None) if resource.blob else None


def map_audio_facts(analysis: models.Analysis) -> AudioFacts:
    """What a measurement found; one that was given up says so in ``error``."""
    if analysis.facts is None:
        failure = Failure.ANALYSIS_FAILED.value  # never the file's: a file's own faults are facts
        return AudioFacts(sha256=analysis.pk, version=analysis.version, ok=False, error=failure, fault=analysis.error)
    return facts_from_json(analysis.facts, bytes(analysis.fingerprint))


def map_stored_findings(rows: Sequence[models.Finding], codes: Mapping[str, Any]) -> list[Finding]:
    """Stored findings as values, so that a policy can judge them again.

    A code that the catalogue no longer knows keeps the route that it had.
    """
    return [
        Finding(
            code=codes.get(row.code) or _code_no_longer_known(row),
            subject=row.subject,
            message=row.message,
            measured=row.measured,
            threshold=row.threshold,
            evidence=row.evidence,
            fix=row.fix or None,
            labels=tuple(Label(label["key"], label["value"], Basis(label["basis"])) for label in row.labels),
            patch=tuple(row.patch),
        )
        for row in rows
    ]


def _code_no_longer_known(row: models.Finding) -> Code:
    """A code that is not in the catalogue any more, as far as the row remembers it."""
    return Code(row.code, row.message, Severity(row.severity), Route(row.route), "an earlier catalogue", row.private)


def _map_track(document: Mapping[str, Any]) -> Track:
    shares = document.get("shares") or {}
    preview = document.get("preview_start")
    return Track(
        position=document["position"],
        title=document["title"],
        version=document.get("version") or "",
        isrc=document.get("isrc") or None,
        iswc=document.get("iswc") or None,
        file=document["file"],
        display_artists=_map_artists(document),
        contributors=tuple(_map_contributor(item) for item in document.get("contributors") or ()),
        vocals=document.get("vocals"),
        language=document.get("language"),
        advisory=document.get("advisory"),
        lyrics=document.get("lyrics"),
        preview_start=None if preview is None else Decimal(str(preview)),
        master_shares=_map_shares(shares.get("master")),
        composition_shares=_map_shares(shares.get("composition")),
        relations=tuple(Relation(**entry) for entry in document.get("relations") or ()),
        disclosure=_map_disclosure(document.get("disclosure") or {}),
    )


def _map_artists(document: Mapping[str, Any]) -> tuple[Artist, ...]:
    return tuple(Artist(**item) for item in document.get("display_artists") or ())


def _map_contributor(document: Mapping[str, Any]) -> Contributor:
    return Contributor(
        name=document["name"],
        roles=tuple(document.get("roles") or ()),
        ipi=document.get("ipi"),
        isni=document.get("isni"),
        ai_contribution=ContainsAI(document.get("ai_contribution") or ContainsAI.UNDECLARED),
    )


def _map_disclosure(document: Mapping[str, Any]) -> Disclosure:
    return Disclosure(
        status=document.get("status") or "undeclared",
        contains_ai=ContainsAI(document.get("contains_ai") or ContainsAI.UNDECLARED),
        contributions=tuple(
            Contribution(
                **{
                    **item,
                    "element": Element(item["element"]),
                    "level": Level(item["level"]),
                    "imitates": Imitates(item.get("imitates") or Imitates.NO),
                }
            )
            for item in document.get("contributions") or ()
        ),
    )


def _map_cover(document: Mapping[str, Any] | None) -> Cover | None:
    if not document:
        return None
    return Cover(document["file"], ContainsAI(document.get("contains_ai") or ContainsAI.UNDECLARED))


def _rights_line(document: Mapping[str, Any] | None) -> RightsLine | None:
    return RightsLine(document["year"], document["owner"]) if document else None


def _map_shares(documents: Sequence[Mapping[str, Any]] | None) -> tuple[Share, ...] | None:
    if documents is None:
        return None
    return tuple(
        Share(document["party"], Decimal(document["percent"]), document.get("accepted")) for document in documents
    )


def _map_date(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None
