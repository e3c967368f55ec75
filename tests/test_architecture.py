"""What is true of the whole code base, read from its source."""

import ast
import re
from pathlib import Path

import pytest
from celery import current_app
from django.conf import settings

ROOT = Path(__file__).parents[1]
ROOMS = ("checks", "intake", "config")
#: Longer ones no longer fit a screen.
LONGEST_FUNCTION = 60
LONGEST_MODULE = 600

SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "migrations" not in path.parts)
TREES = {path: ast.parse(path.read_text()) for path in SOURCES}


def name(path):
    return str(path.relative_to(ROOT))


def nodes(*kinds):
    """Every syntax node of these kinds, with where it stands."""
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, kinds):
                yield f"{name(path)}:{node.lineno}", node


def imports():
    """Every imported module, with where."""
    for place, node in nodes(ast.Import, ast.ImportFrom):
        if isinstance(node, ast.Import):
            yield from ((place, alias.name) for alias in node.names)
        else:
            yield from ((place, f"{node.module}.{alias.name}") for alias in node.names)


def test_every_function_fits_a_screen():
    long = {
        place: node.end_lineno - node.lineno + 1
        for place, node in nodes(ast.FunctionDef, ast.AsyncFunctionDef)
        if node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION and not is_table(node)
    }
    assert long == {}


def is_table(function):
    """Whether a function only returns data that it spells out: read like a table, not like a course of events."""
    return sum(isinstance(node, ast.stmt) for node in ast.walk(function)) <= 4


def test_every_module_can_be_read_in_one_sitting():
    long = {name(path): lines for path in SOURCES if (lines := path.read_text().count("\n")) > LONGEST_MODULE}
    assert long == {}


def test_every_module_says_what_it_is_for():
    silent = [name(path) for path, tree in TREES.items() if tree.body and not ast.get_docstring(tree)]
    assert silent == []


def test_no_error_is_swallowed_unnamed_or_in_silence():
    silent = [
        place
        for place, node in nodes(ast.ExceptHandler)
        if node.type is None or all(isinstance(step, ast.Pass) for step in node.body)
    ]
    assert silent == [], "name the exception; contextlib.suppress says that nothing follows"


def test_no_module_is_a_drawer_for_odds_and_ends():
    drawers = [name(path) for path in SOURCES if path.stem in {"utils", "util", "helpers", "misc", "common"}]
    assert drawers == []


def test_no_row_is_changed_behind_the_services_by_a_signal():
    signals = [place for place, module in imports() if re.match(r"django\.(dispatch|.*\.signals)\b", module)]
    assert signals == []


def test_no_transaction_spans_a_request_or_a_task():
    assert not any(database.get("ATOMIC_REQUESTS") for database in settings.DATABASES.values())
    decorated = [
        place
        for place, node in nodes(ast.FunctionDef)
        if place.startswith("intake/tasks.py") and any("atomic" in ast.unparse(item) for item in node.decorator_list)
    ]
    assert decorated == []


def test_beat_schedules_only_tasks_that_exist():
    named = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} | set(settings.CELERY_TASK_ROUTES)
    assert named - set(current_app.tasks) == set()


def test_services_enqueue_only_tasks_that_exist():
    rung = {
        (place, node.args[0].value)
        for place, node in nodes(ast.Call)
        if ast.unparse(node.func).endswith("enqueue_task") and node.args and isinstance(node.args[0], ast.Constant)
    }
    assert rung
    assert {(place, task) for place, task in rung if task not in current_app.tasks} == set()


# --- Documentation that must not fall behind -------------------------------------------------------------------------


def test_every_setting_is_documented_and_every_documented_setting_exists():
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z][A-Z0-9_]+)"', (ROOT / "config" / "settings.py").read_text()))
    table = re.findall(r"^\| `([A-Z][A-Z0-9_]+)`", (ROOT / "docs" / "operations.md").read_text(), re.M)
    assert len(read) > 10
    assert sorted(table) == sorted(read)


def test_every_figure_that_operators_are_told_to_watch_is_published(client, db):
    told = set(re.findall(r"`(gate_[a-z_]+)`", (ROOT / "docs" / "operations.md").read_text()))
    published = set(re.findall(r"^# TYPE (\S+)", client.get("/metrics").content.decode(), re.M))
    assert told
    assert told <= published


def test_settings_are_read_from_the_environment_in_one_place():
    elsewhere = [
        place
        for place, node in nodes(ast.Attribute)
        if ast.unparse(node) in {"os.environ.get", "os.getenv"}
        and not place.startswith(("config/settings.py", "intake/management/"))
    ]
    assert elsewhere == []


# --- The project speaks of itself alone -------------------------------------------------------------------------------

#: Places of one machine, and papers that are not part of the project.
STRANGERS = re.compile(r"/wor[k]/|/hom[e]/\w|/roo[t]/|\b(HOUS[E]|RULE[S]|LIBRARIE[S]|EVIDENC[E]|INPUT[S]|ENGIN[E])\.md")
#: Optional material beside the checkout, which tests and benchmarks may look for.
OPTIONAL = re.compile(r"\.\./share[d]/(?!music|ddex|names)")
TEXT = {".py", ".md", ".toml", ".yml", ".sh", ".html", ".css", ".js", ".json", ".txt", ""}


def texts():
    """The project's own texts: nothing hidden but what builds it, nothing made, nothing vendored."""
    skipped = {"var", "build", "staticfiles", "vendor", "__pycache__"}
    for path in ROOT.rglob("*"):
        *folders, _ = path.relative_to(ROOT).parts
        hidden = any(folder.startswith(".") and folder not in {".ci", ".github"} for folder in folders)
        made = not skipped.isdisjoint(folders) or any(folder.endswith(".egg-info") for folder in folders)
        is_text = path.suffix in TEXT and path.name != ".git"  # a file in a linked working tree
        if path.is_file() and is_text and not hidden and not made:
            yield path


@pytest.mark.parametrize("pattern", [STRANGERS, OPTIONAL], ids=["papers and machines", "folders beside it"])
def test_project_speaks_of_itself_alone(pattern):
    found = [
        f"{name(path)}: {match.group()}"
        for path in texts()
        if (match := pattern.search(path.read_text(errors="ignore")))
    ]
    assert found == []


# --- Decisions --------------------------------------------------------------------------------------------------------


def test_every_decision_is_in_the_index_with_its_title_status_and_date():
    index = (ROOT / "docs" / "adr" / "README.md").read_text()
    rows = re.findall(r"^\| \[(\d{4})\]\((\S+)\) \| (.+?) \| (.+?) \| (\d{4}-\d\d-\d\d) \|$", index, re.M)
    expected = []
    for path in sorted((ROOT / "docs" / "adr").glob("[0-9]*.md")):
        title, status, date = re.match(r"# (.+)\n\nStatus: (.+)\nDate: (.+)\n", path.read_text()).groups()
        expected.append((path.name[:4], path.name, title, status, date))
    assert rows == expected
