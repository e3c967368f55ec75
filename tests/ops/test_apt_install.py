"""Set-up installs a system package only where that needs nobody's leave, and says so with its exit code."""

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "config" / "apt-install.sh"
#: Writes down how it was called; fails where the test asks for it.
FAKE = '#!/bin/sh\necho "{name} $*" >> "$JOURNAL"\n{rest}\n'


@pytest.fixture
def machine(tmp_path):
    """Runs the script on a machine that has only the given commands; returns (exit code, calls)."""

    def run(user_id, **commands):
        folder = tmp_path / "bin"
        folder.mkdir()
        for name, rest in {"id": f"echo {user_id}", "timeout": 'shift; exec "$@"', **commands}.items():
            command = folder / name.replace("_", "-")
            command.write_text(FAKE.format(name=command.name, rest=rest))
            command.chmod(0o755)
        journal = tmp_path / "journal"
        journal.touch()
        done = subprocess.run(
            ["/bin/sh", SCRIPT, "libexample"], env={"PATH": str(folder), "JOURNAL": str(journal)}, check=False
        )
        return done.returncode, [line for line in journal.read_text().splitlines() if line.startswith("apt-get")]

    return run


def test_root_installs_what_is_in_the_lists(machine):
    code, calls = machine(0, apt_get="exit 0")
    assert code == 0
    assert [call.split()[1] for call in calls] == ["install", "install"]
    assert calls[-1].endswith("libexample")


def test_root_with_old_lists_brings_them_up_to_date_once(machine):
    code, calls = machine(
        0, apt_get='case "$*" in *download-only*) [ -e "$JOURNAL.new" ];; update*) : > "$JOURNAL.new";; esac'
    )
    assert code == 0
    assert [call.split()[1] for call in calls] == ["install", "update", "install", "install"]


def test_user_without_rights_is_asked_for_nothing(machine):
    code, calls = machine(1000, apt_get="exit 0", sudo="exit 1")
    assert (code, calls) == (1, [])


def test_user_with_rights_that_need_no_password_uses_them(machine):
    code, calls = machine(1000, apt_get="exit 0", sudo='shift; exec "$@"', true="exit 0")
    assert code == 0
    assert len(calls) == 2


def test_machine_without_apt_goes_on_without(machine):
    assert machine(0) == (1, [])
