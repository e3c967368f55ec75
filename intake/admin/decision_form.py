"""What a moderator fills in: a verdict, a reason, and the labels that listeners will see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from checks.policy import Verdict
from intake.admin.canned_reasons import prepared_for_others
from intake.models import Language


@dataclass(frozen=True, slots=True)
class LabelGroup:
    """Labels of one subject, as the form offers them: one of several values, or a mark that is set or not."""

    title: str
    choices: tuple[tuple[str, tuple[str, ...]], ...]  # key → values


#: A label that is set or not has this value.
SET = "yes"
_SOME = ("partly", "all")
LABEL_GROUPS = (
    LabelGroup(
        "Made with AI",
        (
            ("ai:recording", ("none", "partly", "all", "undeclared")),
            ("ai:vocals", _SOME),
            ("ai:instruments", _SOME),
            ("ai:composition", _SOME),
            ("ai:lyrics", _SOME),
            ("ai:production", _SOME),
            ("ai:artwork", _SOME),
            ("ai:persona_artist", (SET,)),
            ("ai:voice_replica_consented", (SET,)),
        ),
    ),
    LabelGroup(
        "Content",
        tuple(
            (f"content:{kind}", (SET,))
            for kind in (
                "explicit", "clean", "instrumental", "karaoke", "cover", "tribute", "remix", "live",
                "sped_up", "slowed", "pitched", "medley",
            )
        ),
    ),
    LabelGroup(
        "Rights",
        tuple(
            (f"rights:{kind}", (SET,))
            for kind in ("cover_licensed", "sample_cleared", "public_domain", "ugc_ineligible")
        ),
    ),
    LabelGroup("Trust", (("trust:artist_key_verified", (SET,)),)),
)  # fmt: skip
OFFERED = tuple(f"{key}={value}" for group in LABEL_GROUPS for key, values in group.choices for value in values)
HUMAN = (Verdict.APPROVE, Verdict.LABEL, Verdict.RETURN, Verdict.REJECT)


#: A field of the form for each track where tracks differ.
TRACK = "track_"


class DecisionForm(forms.Form):
    """A human verdict on the submission as the moderator saw it (``sequence``)."""

    sequence = forms.IntegerField(min_value=0)
    verdict = forms.ChoiceField(
        choices=[(entry.value, entry.value) for entry in HUMAN], error_messages={"required": "Choose a verdict."}
    )
    code = forms.CharField(max_length=40, required=False)
    reason = forms.CharField(
        max_length=4000, error_messages={"required": "Say why: the label is told this reason with the decision."}
    )
    language = forms.ChoiceField(choices=Language.choices, required=False)
    note = forms.CharField(max_length=4000, required=False)
    labels = forms.MultipleChoiceField(choices=[(element, element) for element in OFFERED], required=False)
    to_fix = forms.TypedMultipleChoiceField(coerce=int, required=False)

    def __init__(self, data: Any = None, positions: Sequence[int] = (), findings: Sequence[int] = ()) -> None:
        if data is not None and hasattr(data, "getlist"):
            data = data.copy()
            data.setlist("labels", [item for item in data.getlist("labels") if item])  # selects left on "—"
        super().__init__(data)
        self.fields["to_fix"].choices = [(finding, str(finding)) for finding in findings]  # type: ignore[attr-defined]
        self._tracks = {f"{TRACK}{position}": position for position in positions}
        for name in self._tracks:
            self.fields[name] = forms.ChoiceField(
                choices=[("", ""), *((entry.value, entry.value) for entry in HUMAN)], required=False
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        chosen = cleaned.get("labels") or []
        verdict = cleaned.get("verdict")
        check_reason(self, cleaned)
        labelling = Verdict.LABEL in {verdict, *self.tracks.values()}
        if labelling and not chosen:
            self.add_error("labels", "Choose at least one label that it goes out with.")
        # What belongs to another verdict is folded away on the page, and was not meant.
        if not labelling:
            cleaned["labels"] = []
        if verdict != Verdict.REJECT:
            cleaned["code"] = ""
        if verdict != Verdict.RETURN:
            cleaned["to_fix"] = []
        keys = [item.partition("=")[0] for item in chosen]
        if len(keys) != len(set(keys)):
            self.add_error("labels", "One value for each label.")
        return cleaned

    @property
    def chosen(self) -> list[str]:
        """The labels as they came, for a form that is shown again."""
        return list(self["labels"].value() or ())

    @property
    def mending(self) -> list[str]:
        """The findings to mend as they came."""
        return [str(item) for item in self["to_fix"].value() or ()]

    @property
    def label_pairs(self) -> list[tuple[str, str]]:
        """(key, value) of the chosen labels."""
        return [(key, value) for key, _, value in (item.partition("=") for item in self.cleaned_data["labels"])]

    @property
    def apart(self) -> dict[int, str]:
        """The verdicts on single tracks as they came, for a form that is shown again."""
        return {position: str(self[name].value()) for name, position in self._tracks.items() if self[name].value()}

    @property
    def tracks(self) -> dict[int, Verdict]:
        """The verdicts on single tracks, where they differ from the release's."""
        given = {position: self.cleaned_data.get(name) for name, position in self._tracks.items()}
        return {position: Verdict(verdict) for position, verdict in given.items() if verdict}

    def given(self) -> dict[str, Any]:
        """Everything as the service takes it."""
        return {
            "reason": self.cleaned_data["reason"],
            "note": self.cleaned_data["note"],
            "labels": self.label_pairs,
            "code": self.cleaned_data["code"],
            "language": self.cleaned_data["language"],
            "to_fix": self.cleaned_data["to_fix"],
            "tracks": self.tracks,
        }


def check_reason(form: forms.Form, cleaned: dict[str, Any]) -> None:
    """Add an error where the reason is one that was prepared for another verdict: one of the two is a mistake."""
    reason, verdict = cleaned.get("reason"), cleaned.get("verdict")
    if reason and verdict and prepared_for_others(reason, Verdict(verdict)):
        form.add_error("reason", f"This reason was prepared for another verdict than {verdict}. Choose a fitting one.")


class WordsForm(forms.Form):
    """Anything else that is done with a submission: as the moderator saw it, and why."""

    sequence = forms.IntegerField(min_value=0)
    why = forms.CharField(max_length=4000, error_messages={"required": "Say why."})


class NoteForm(forms.Form):
    """A note; private unless said otherwise."""

    text = forms.CharField(max_length=4000, error_messages={"required": "A note needs words."})
    public = forms.BooleanField(required=False)


class SnoozeForm(WordsForm):
    """Until when it is put off; beyond its due date only knowingly."""

    until = forms.DateTimeField(
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
        error_messages={"required": "Say until when.", "invalid": "Write the time as 2026-11-30 09:00 (UTC)."},
    )
    past_due = forms.BooleanField(required=False)


class BulkForm(forms.Form):
    """The same verdict on many submissions, each as it was seen in the preview (``seen``: id and sequence)."""

    verdict = forms.ChoiceField(
        choices=[(candidate.value, candidate.value) for candidate in HUMAN if candidate is not Verdict.LABEL],
        error_messages={"required": "Choose a verdict."},
    )
    code = forms.CharField(max_length=40, required=False)
    reason = forms.CharField(
        max_length=4000, error_messages={"required": "Say why: every label is told this reason with the decision."}
    )
    note = forms.CharField(max_length=4000, required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        check_reason(self, cleaned)
        return cleaned


class ReopenForm(forms.Form):
    """Another look at a concluded submission, as the moderator saw it."""

    sequence = forms.IntegerField(min_value=0)
    reason = forms.CharField(max_length=4000, error_messages={"required": "Say why the submission is opened again."})
