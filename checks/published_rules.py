"""The ninety-six rules that partners and distributors publish, and what answers each of them here.

A rule is answered by codes of findings, by a question to the moderator, or not at all, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One published rule: its number, the codes that answer it, and what is to be said besides."""

    number: int
    name: str
    codes: tuple[str, ...] = ()
    remark: str = ""


def _parse_rule_rows(first: int, *rows: str) -> Iterator[Rule]:
    """Rows of "name: code code | remark" in the order of their numbers; a code "." is the name itself."""
    for number, row in enumerate(rows, first):
        answer, _, remark = row.partition(" | ")
        name, _, codes = answer.partition(":")
        yield Rule(number, name, tuple(name if code == "." else code for code in codes.split()), remark)


RULEBOOK = (
    *_parse_rule_rows(
        1,
        "isrc.malformed: .",
        "isrc.missing: .",
        "isrc.dup_in_release: .",
        "isrc.reused_other_audio: .",
        "isrc.audio_has_other_isrc: .",
        "isrc.new_version_needs_new: .",
        "isrc.foreign_registrant: . isrc.unknown_prefix",
        "isrc.year_future: .",
        "upc.malformed: . upc.missing",
        "upc.reused: . upc.reused_elsewhere",
        "upc.placeholder: .",
        "iswc.malformed: .",
        "party_id.malformed: .",
        "dpid.malformed: .",
        "id.blocklisted: . staydown.recording staydown.file staydown.isrc staydown.earlier_decision",
    ),
    *_parse_rule_rows(
        16,
        "title.empty_or_too_long: .",
        "title.casing_unusual: .",
        "title.casing_en: .",
        "title.casing_lang: .",
        "title.abbrev: .",
        "title.feat_in_title: .",
        "title.feat_spelling: .",
        "title.artist_dash_title: .",
        "title.version_redundant: .",
        "title.version_in_title: .",
        "title.two_versions: .",
        "title.clean_explicit_word: .",
        "title.format_words: .",
        "title.temporal: .",
        "title.generic: .",
        "title.dup_in_release: .",
        "title.seo_bait: .",
        "title.original_artist_ref: .",
        "title.known_title_mimic: . | without charts only what nearly names a known recording's artist",
        "title.franchise: . | from a list of names that mean nothing else",
        "title.emoji_symbols: . title.invisible_characters",
        "title.homoglyph: . title.mixed_scripts artist.mixed_scripts",
        "title.censored: .",
        "title.translation_in_title: .",
        "title.medley_slash: .",
        "title.single_mismatch: .",
        "title.url_handle_ad: .",
        "version.speed_declared: .",
    ),
    *_parse_rule_rows(
        44,
        "artist.missing_primary: .",
        "artist.generic: .",
        "artist.extra_info: . artist.invisible_characters",
        "artist.compound: .",
        "artist.various: .",
        "artist.role_conflict: .",
        "artist.label_as_artist: .",
        "artist.lookalike: .",
        "artist.exact_protected: .",
        "artist.ambiguous_profile: .",
        "artist.ai_tool_as_artist: . artist.ai_tool_credited",
        "artist.name_plus_keyword: .",
        "artist.remixer_as_primary: .",
        "artist.deceased | nothing here knows who has died or fallen silent",
    ),
    *_parse_rule_rows(
        58,
        "credit.composer_missing: .",
        "credit.lyricist_missing: .",
        "credit.legal_name: .",
        "credit.vocalist_missing: .",
        "credit.one_person_all_roles: .",
        "credit.cover_original_writers: .",
        "credit.generic_party: .",
        "split.sum_not_100: .",
        "split.invalid_share: .",
        "split.unaccepted: . | where the label says that somebody has not agreed",
        "rights.pline: . rights.line_form",
        "rights.cline: . rights.line_form",
        "rights.owner_unlicensed: .",
        "rights.cover_licence: .",
        "rights.clearance_document_missing: .",
        "rights.public_domain: .",
        "rights.contentid_ineligible: .",
        "rights.voice_consent: . disclosure.imitates_without_consent disclosure.consent_missing",
        "territory.conflict: . territory.unknown_code territory.redundant",
    ),
    *_parse_rule_rows(
        77,
        "date.original_after_release: . date.impossible",
        "date.short_lead: . date.release_missing",
        "date.original_by_type: .",
        "date.preorder_order: .",
        "language.unknown_code: . language.script_mismatch language.missing",
        "language.instrumental_mismatch: .",
        "advisory.mismatch: . advisory.unknown",
        "genre.rules: . genre.missing genre.unlisted",
        "release.type: . track.positions",
    ),
    *_parse_rule_rows(
        86,
        "art.size: . art.below_recommendation art.blurred art.unreadable art.missing",
        "art.text_match | no check here reads the words on a picture",
        "art.forbidden: .",
        "art.generic_or_reused: . art.reused",
        "art.sensitive | no machine here sees what a picture means",
    ),
    *_parse_rule_rows(
        91,
        "audio.format: . audio.undecodable audio.duration_mismatch audio.bandwidth audio.irregular audio.oddity",
        "audio.length: . audio.short_tracks fraud.short_cluster fraud.equal_lengths",
        "audio.silence: . audio.silent",
        "audio.clipping: . audio.dc_offset audio.dead_channel audio.channels_cancel audio.non_finite",
        "audio.duplicate: . similarity.own_recording similarity.own_other_title similarity.known_recording "
        "similarity.pending_elsewhere similarity.same_isrc similarity.owner_unconfirmed",
        "audio.modified_match: similarity.known_recording similarity.possible_match similarity.licensed "
        "similarity.used_otherwise similarity.own_version_renamed",
    ),
)
