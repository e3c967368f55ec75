"""Names that read alike are found alike, and share a key by which a registry finds them."""

import string
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from checks.model.name_matching import (
    KEY_BITS,
    build_confusable_skeleton,
    build_index_entries,
    count_tolerated_changes,
    fold_name,
    is_near_name,
    keep_letters_and_digits,
    look_alikes,
    romanise_name,
    search_keys,
    sounds_alike,
)
from checks.rules.identity import compare_artist_names

LETTERS = st.text(string.ascii_lowercase, min_size=1, max_size=1)
A_NAME = st.text(string.ascii_lowercase + " ", min_size=1, max_size=30).filter(str.strip)
ANYTHING = st.text(max_size=60)


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("  MARA   Lindqvist ", "mara lindqvist"),
        ("Ｍａｒａ　Ｌｉｎｄｑｖｉｓｔ", "mara lindqvist"),
        ("𝕸𝖆𝖗𝖆 Lindqvist", "mara lindqvist"),
        ("Ma\u200bra\u00ad Lind\u2060qvist", "mara lindqvist"),
        ("Ma\u3164ra", "mara"),
        ("Guns N’ Roses", "guns n' roses"),
        ("Run–D.M.C.", "run-d.m.c."),
        ("Straße", "strasse"),
    ],
)
def test_fold_forgets_what_a_keyboard_adds(typed: str, plain: str) -> None:
    assert fold_name(typed) == plain


@pytest.mark.parametrize("name", ["!!!", "Wham!", '"Heroes"', "4:44", "SZA", "deadmau5", "Sunn O)))", "宇多田ヒカル"])
def test_unusual_real_names_survive_folding(name: str) -> None:
    assert fold_name(name)
    assert build_confusable_skeleton(name) or not any(character.isalnum() for character in name)


@pytest.mark.parametrize(
    "picture",
    [
        "Тaylоr Swift",  # Cyrillic Т, о
        "ΤΑΥLΟR SWΙFΤ",  # Greek capitals
        "тауlоr ѕwіft",  # Cyrillic small letters, the т as well
        "Taylor Swlft",  # l for i
        "TAYLOR SW1FT",
        "T4ylor $wift",
        "Ｔａｙｌｏｒ Ｓｗｉｆｔ",
        "𝓣𝓪𝔂𝓵𝓸𝓻 Swift",
        "ᴛᴀʏʟᴏʀ ꜱᴡɪꜰᴛ",  # small capitals
        "Taylør Swïft",
        "Tay-lor  Swift.",
        "TaylorSwift",
        "Taylor S\u0335wift",
    ],
)
def test_every_way_to_draw_a_name_has_one_skeleton(picture: str) -> None:
    assert build_confusable_skeleton(picture) == build_confusable_skeleton("Taylor Swift")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("AC/DC", "ACDC"),
        ("Sam & Dave", "Sam and Dave"),
        ("The Ramones", "Ramones"),
        ("Wham!", "Wham"),
        ("B.B. King", "BB King"),
    ],
)
def test_compact_keeps_letters_and_digits_only(one: str, other: str) -> None:
    assert keep_letters_and_digits(one) == keep_letters_and_digits(other)


def test_vowel_signs_of_other_scripts_stay() -> None:
    assert build_confusable_skeleton("किरण") != build_confusable_skeleton("करण")


def test_digits_of_a_name_without_letters_are_digits() -> None:
    assert build_confusable_skeleton("311") != build_confusable_skeleton("Ell")


def test_look_alikes_lead_to_ascii_only() -> None:
    table = look_alikes()
    assert len(table) > 500
    assert all(not chr(source).isascii() for source in table)
    assert all(plain.isascii() and plain.isalnum() for plain in table.values())


@given(ANYTHING)
def test_folding_what_is_folded_changes_nothing(name: str) -> None:
    assert fold_name(fold_name(name)) == fold_name(name)


@given(ANYTHING)
def test_any_text_has_keys_that_fit_their_column(name: str) -> None:
    keys = search_keys(name)
    assert keys
    assert all(0 <= entry.sketch < 2 ** (KEY_BITS - 1) for entry in build_index_entries(name))
    assert all(-(2 ** (KEY_BITS - 1)) <= key < 2 ** (KEY_BITS - 1) for key in keys)


def meet(one: str, other: str) -> bool:
    """Whether a registry that keeps one name would read it for the other."""
    kept = {(entry.key, entry.sketch) for entry in build_index_entries(one)}
    return any(key == asked.key and asked.meets(sketch) for asked in build_index_entries(other) for key, sketch in kept)


@given(ANYTHING, ANYTHING)
def test_any_two_names_that_are_alike_share_a_key(one: str, other: str) -> None:
    if compare_artist_names(one, other):
        assert meet(one, other)


def _edited(name: str, kind: str, place: int, letter: str) -> str:
    place %= max(len(name), 1)
    match kind:
        case "insert":
            return name[:place] + letter + name[place:]
        case "delete":
            return name[:place] + name[place + 1 :]
        case "replace":
            return name[:place] + letter + name[place + 1 :]
        case "double":
            return name[:place] + name[place : place + 1] * 2 + name[place + 1 :]
        case _:
            return name[:place] + name[place : place + 2][::-1] + name[place + 2 :]


EDITS = st.lists(
    st.tuples(st.sampled_from(["insert", "delete", "replace", "swap", "double"]), st.integers(0, 70), LETTERS),
    min_size=1,
    max_size=3,
)
#: Letters that an edit may put in or take out, of every kind that the views treat in a way of their own.
WRITTEN = st.text("abeilmnorstuvw  -.1$нкаοεл宇é", min_size=3, max_size=40)


@settings(max_examples=2000, deadline=None)
@given(WRITTEN, EDITS)
def test_every_pair_that_identity_calls_alike_shares_a_key(name: str, edits: list[tuple[str, int, str]]) -> None:
    other = name
    for kind, place, letter in edits:
        other = _edited(other, kind, place, letter)
    if compare_artist_names(name, other) or compare_artist_names(other, name):
        assert meet(name, other)


@settings(max_examples=1500)
@given(st.text(string.ascii_lowercase, min_size=5, max_size=66), EDITS)
def test_every_near_pair_shares_a_key(name: str, edits: list[tuple[str, int, str]]) -> None:
    other = name
    for kind, place, letter in edits:
        other = _edited(other, kind, place, letter)
    one, two = build_confusable_skeleton(name), build_confusable_skeleton(other)
    allowed = count_tolerated_changes(one, two)
    if allowed and OSA.distance(one, two) <= allowed:
        assert is_near_name(name, other)
        assert meet(name, other)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Taylor Swift", "Tailor Swift", True),
        ("Michael Jordan", "Michael Gordon", False),  # two changes lead to another person
        ("Electric Light Orchestra", "Elektrik Light Orchestra", True),
        ("Lynyrd Skynyrd", "Lynnyrd Skynnyrdd", True),  # doubled letters count once
        ("Drake", "Brake", False),
        ("Kiss", "Kisss", True),
        ("Moo", "Mo", False),
        ("Logic", "Logicc", True),
        ("Logic", "Magic", False),
        ("Wale", "Wael", True),  # two neighbours swapped
        ("Wale", "Whale", False),
        ("The Doors", "TheDoors", True),
        ("The Who", "TheWho", True),
        ("The Who", "The Wha", False),
        ("Tink", "Tin!k", True),
    ],
)
def test_near_grows_with_the_length_of_the_name(one: str, other: str, expected: bool) -> None:
    assert is_near_name(one, other) is is_near_name(other, one) is expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Steely Dan", "Stealey Dann", True),
        ("Taylor Swift", "Tailer Svift", True),
        ("Phil Collins", "Phil Kollyns", True),
        ("Johnny Cash", "Jonny Kash", True),
        ("Kate Bush", "Cat Beach", False),  # few letters in common
        ("Bach", "Bush", False),
        ("宇多田ヒカル", "Kiss", False),
    ],
)
def test_names_sound_alike_that_also_look_it(one: str, other: str, expected: bool) -> None:
    assert sounds_alike(one, other) is sounds_alike(other, one) is expected


@pytest.mark.parametrize(
    ("name", "latin"),
    [
        ("Кино", "kino"),
        ("Taylor Swift", ""),
        ("Beyoncé", ""),
        ("🔥", ""),
        ("!!!", ""),
        ("ＡＢＣ", ""),
        ("Жанна", "janna"),
        ("Μπομπ", "bob"),
    ],
)
def test_names_in_other_scripts_are_romanised(name: str, latin: str) -> None:
    assert romanise_name(name) == latin


@settings(max_examples=300)
@given(A_NAME, st.data())
def test_every_redrawn_name_shares_a_key_with_the_original(name: str, data: st.DataObject) -> None:
    drawn = {}
    for source, plain in look_alikes().items():
        if len(plain) == 1 and unicodedata.category(chr(source)).startswith("L"):
            drawn.setdefault(plain.casefold(), []).append(chr(source))
    redrawn = "".join(data.draw(st.sampled_from([letter, *drawn.get(letter, [])])) for letter in name)
    assert meet(name, redrawn)


def test_unlike_names_of_one_length_share_no_key() -> None:
    assert not search_keys("Kendrick Lamar") & search_keys("Fleetwood Mack")


def test_names_that_have_only_their_first_half_in_common_do_not_meet() -> None:
    one, other = "Terpolhun Piber Sasjeel", "Terpolhun Pimkotar Wogden"
    assert search_keys(one) & search_keys(other)
    assert not meet(one, other)


def test_a_very_long_name_has_few_keys() -> None:
    assert len(search_keys("Mara " * 10_000)) < 10
