"""An operator brings the registry in and out as a table, and every line says what is wrong with it."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.model.name_matching import build_index_entries
from intake.core import registry_csv
from intake.models import ArtistIdentifier, Authorisation, Label, NameKey, ProtectedArtist, ProtectedName
from intake.readers.protected_names import Names
from intake.services.registry import protected_artists
from tests.intake.commands.console import command

pytestmark = pytest.mark.django_db

TABLE = """name,aliases,transliterations,isni,ipi,profiles,labels
Nora Castellane,N. Castellane|Norah,Нора Кастеллан,0000 0001 2103 2683,14107338,spotify:4q3ewBCX7,Harbour Records
'=SUM(A1),,,,,,
"Smith \\| Sons",AC\\|DC|Other,,,,,
"""


@pytest.fixture
def harbour():
    return Label.objects.create(name="Harbour Records")


@pytest.fixture
def table(tmp_path, harbour):
    path = tmp_path / "artists.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def test_operator_imports_a_table(table, harbour):
    said = command("registry", "--json", "import", table)
    assert (said.code, said.json["artists"], said.json["new"], said.json["faults"]) == (0, 3, 3, 0)
    artist = ProtectedArtist.objects.get(name="Nora Castellane")
    kinds = dict(artist.protected_names.values_list("name", "kind"))
    assert kinds == {
        "Nora Castellane": "name", "N. Castellane": "alias", "Norah": "alias", "Нора Кастеллан": "transliteration",
    }  # fmt: skip
    assert {str(identifier) for identifier in artist.identifiers.all()} == {
        "isni:0000000121032683", "ipi:00014107338", "spotify:4q3ewBCX7",
    }  # fmt: skip
    vouched = Authorisation.objects.get()
    assert (vouched.label, vouched.vouched_by) == (harbour, "operator: artists.csv")
    assert {Name.name for Name in Names().near_all(["Nora Castelane"])["Nora Castelane"]} == {
        "Nora Castellane", "Нора Кастеллан",
    }  # fmt: skip
    assert ProtectedArtist.objects.filter(name="=SUM(A1)").exists()
    assert set(ProtectedName.objects.filter(artist__name="Smith \\| Sons").values_list("name", flat=True)) == {
        "Smith \\| Sons", "AC|DC", "Other",
    }  # fmt: skip


def test_import_again_adds_nothing(table):
    command("registry", "import", table)
    kinds = (ProtectedArtist, ProtectedName, ArtistIdentifier, Authorisation, NameKey)
    before = [list(kind.objects.order_by("pk").values()) for kind in kinds]
    said = command("registry", "--json", "import", table)
    assert (said.json["artists"], said.json["new"]) == (3, 0)
    assert [list(kind.objects.order_by("pk").values()) for kind in kinds] == before


def test_dry_run_writes_nothing(table):
    said = command("registry", "--json", "import", table, "--dry-run")
    assert (said.code, said.json["artists"]) == (0, 3)
    assert not ProtectedArtist.objects.exists()
    assert not NameKey.objects.exists()


def test_faults_are_told_by_line_and_good_lines_are_taken(tmp_path):
    path = tmp_path / "artists.csv"
    path.write_text(
        "name,isni,ipi,profiles,labels\nGood One,,,,\n,,,,\n ,1,,,\nBad Isni,123,,,\nBad Ipi,,00014107339,,\n"
        f"Bad Profile,,,nowhere,\nBad Label,,,,Nobody\n{'x' * 201},,,,\n",
        encoding="utf-8",
    )
    said = command("registry", "--json", "import", path)
    assert (said.code, said.json["new"]) == (1, 1)
    assert [item["line"] for item in said.json["lines"]] == [4, 5, 6, 7, 8, 9]
    assert "line 5: '123' is not an ISNI" in said.err
    assert ProtectedArtist.objects.get().name == "Good One"


@pytest.mark.parametrize("content", [b"", b"title\nA\n", b"name,name\nA,B\n", b"name,colour\nA,red\n", b"name\n\xff\n"])
def test_table_of_another_kind_is_refused(tmp_path, content):
    path = tmp_path / "artists.csv"
    path.write_bytes(content)
    assert command("registry", "import", path).code == 1
    assert command("registry", "import", tmp_path / "missing.csv").code == 1
    assert not ProtectedArtist.objects.exists()


def test_export_can_be_imported_elsewhere(table, tmp_path):
    command("registry", "import", table)
    assert command("registry", "--json", "export", tmp_path / "out.csv").json == {"exported": 3}
    first = (tmp_path / "out.csv").read_text(encoding="utf-8")
    assert not [line for line in first.splitlines() if line.startswith(("=", "+", "-", "@"))]
    before = sorted(ProtectedName.objects.values_list("artist__name", "name", "kind"))
    for artist in ProtectedArtist.objects.all():
        protected_artists.retire_artist(artist, "operator")
    assert command("registry", "import", tmp_path / "out.csv").code == 0
    again = ProtectedName.objects.filter(artist__retired_at__isnull=True)
    assert sorted(again.values_list("artist__name", "name", "kind")) == before


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=20).map(str.strip)


@given(CELL.filter(bool), st.lists(CELL.filter(bool), max_size=4))
def test_whatever_is_written_is_read_back_and_no_cell_is_a_formula(name, aliases):
    file = io.StringIO(newline="")
    registry_csv.write_registry_table(file, [(name, {"aliases": aliases})])
    file.seek(0)
    (line,) = registry_csv.read_registry_table(file)
    assert (line.name, line.cells["aliases"]) == (name, aliases)

    file.seek(0)
    assert not [cell for row in csv.reader(file) for cell in row if cell.startswith(("=", "+", "-", "@"))]


def test_operator_issues_and_revokes_a_key():
    artist, _ = protected_artists.protect_artist("Nora Castellane")
    made = command("registry", "--json", "issue-key", "Nora Castellane").json
    assert Names().opened_by(made["key"]).artist == str(artist.pk)
    assert command("registry", "--json", "revoke-key", made["prefix"]).json["revoked"] is True
    assert command("registry", "--json", "revoke-key", made["prefix"]).json["revoked"] is False
    assert Names().opened_by(made["key"]) is None
    assert command("registry", "issue-key", "Nobody").code == 1
    assert command("registry", "revoke-key", "0000").code == 1


def test_search_made_anew_finds_what_it_found(table):
    command("registry", "import", table)
    NameKey.objects.all().delete()
    assert command("registry", "--json", "rebuild").json == {"names": ProtectedName.objects.count()}
    names = list(ProtectedName.objects.all())
    assert NameKey.objects.count() == len(
        {(name.pk, e.key, e.sketch) for name in names for e in build_index_entries(name.name)}
    )
