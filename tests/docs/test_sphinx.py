"""The documentation is built as HTML without a warning, and has a page for everything there is.

It is built as ``python docs/build.py`` does it, in a process of its own: Sphinx leaves much behind in one.
"""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs
import pytest

from fakesmtp.cli.explaining import DUTIES
from fakesmtp.faults import FAULTS
from fakesmtp.scenario import library, naming

if "CI" not in os.environ:  # where it must be built, it is no excuse that Sphinx is missing
    for module in ("sphinx", "furo", "myst_parser"):
        pytest.importorskip(module, reason="the extra 'docs' is not installed")

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
PATIENCE: Final = 240.0
"""Seconds for a build, which takes half a minute where nothing else runs."""
SCENARIOS: Final = {path.stem: path for path in library.files(library.built_in())}

pytestmark = pytest.mark.timeout(PATIENCE + 60)


@attrs.frozen
class Site:
    """What was built."""

    folder: Path
    status: int
    told: str

    def page(self, name: str) -> str:
        """The text of a page, without markup and margin."""
        text = (self.folder / "html" / f"{name}.html").read_text("utf-8")
        article = re.search(r'<article.*?id="furo-main-content">(.*?)</article>', text, re.DOTALL)
        assert article, f"{name} has no text"
        return html.unescape(re.sub(r"<[^>]+>", "", article[1]))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, str(DOCS / "build.py"), str(folder)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    return Site(folder, done.returncode, done.stdout + done.stderr)


def test_it_is_built_without_a_warning(site: Site) -> None:
    assert (site.status, site.told) == (0, "")


def test_every_scenario_has_its_page(site: Site) -> None:
    made = {path.stem for path in (site.folder / "html/reference/scenarios").glob("*.html")} - {"index"}
    assert made == SCENARIOS.keys()
    for name, path in SCENARIOS.items():
        text, listed = site.page(f"reference/scenarios/{name}"), library.listed(path)
        for heading in ("What goes wrong", "What it looks like", "What a correct client does", "How to run it"):
            assert heading in text, f"{name} does not say: {heading}"
        assert " ".join(listed.summary.replace("`", "").split()) in " ".join(text.split()), name
        assert DUTIES[listed.outcome] in " ".join(text.split()), name
        assert path.read_text("utf-8").splitlines()[0] in text, f"{name}: the file is not shown"


def test_every_transcript_says_something(site: Site) -> None:
    for name in SCENARIOS:
        text = site.page(f"reference/scenarios/{name}")
        begin = text.index("What it looks like")
        played = text[begin : text.index("What a correct client does", begin)]
        assert re.search(r"^-- (the client reports|nothing is said): \S", played, re.MULTILINE), name


def test_every_fault_has_its_page(site: Site) -> None:
    made = {path.stem for path in (site.folder / "html/reference/faults").glob("*.html")} - {"index"}
    assert made == set(FAULTS)
    for name, entry in FAULTS.items():
        text = " ".join(site.page(f"reference/faults/{name}").split())
        assert entry.meaning.replace("`", "") in text, name
        assert all(field.name.strip("_").replace("_", "-") in text for field in entry.settings), name
        assert "What it looks like" in text, f"{name} has no example"


def test_every_family_of_names_has_one_page(site: Site) -> None:
    made = {path.stem for path in (site.folder / "html/reference/families").glob("*.html")} - {"index"}
    assert made == {family.name for family in naming.families()}
    for family in naming.families():
        text = site.page(f"reference/families/{family.name}")
        assert all(name in text for name in family.names)


def test_the_written_pages_are_there(site: Site) -> None:
    for path in (*DOCS.glob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"):
        name = str(path.relative_to(ROOT).with_suffix(""))
        heading = next(line for line in path.read_text("utf-8").splitlines() if line.startswith("# "))
        assert heading[2:].strip("`") in site.page(name), name


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("fakesmtp", ["load", "verify", "Claim", "Reply", "Turn", "Scenario"]),
        ("fakesmtp.testing", ["FakeSMTP", "RunningSMTP", "Remote", "Message", "StartFailed"]),
        ("fakesmtp.scenario.building", ["rule", "scenario"]),
        ("fakesmtp.faults.registry", ["answering", "shaping", "effect", "setting"]),
        ("fakesmtp.scenario.operators", ["matcher"]),
    ],
)
def test_the_python_interface_is_explained(site: Site, page: str, names: list[str]) -> None:
    text = site.page(f"reference/python/{page}")
    assert [name for name in names if not re.search(rf"\.{name}\b", text)] == []


def test_no_page_is_empty(site: Site) -> None:
    for name in pages(site):
        assert len(site.page(name).split()) > 20, name


def test_every_link_between_pages_leads_to_one(site: Site) -> None:
    root = site.folder / "html"
    for name in pages(site):
        path = root / f"{name}.html"
        text = path.read_text("utf-8")
        targets = {link for link in re.findall(r'href="([^"#?]+)', text) if "://" not in link and "mailto:" not in link}
        missing = sorted(link for link in targets if not (path.parent / html.unescape(link)).resolve().exists())
        assert not missing, f"{name} leads to {missing}"


def pages(site: Site) -> Iterator[str]:
    """Every page but those of the search and the indexes of names."""
    root = site.folder / "html"
    for path in sorted(root.rglob("*.html")):
        if path.name not in ("genindex.html", "search.html", "py-modindex.html"):
            yield str(path.relative_to(root).with_suffix(""))


def test_nothing_that_is_made_is_left_in_the_repository(site: Site) -> None:
    assert not (DOCS / "reference").exists()
    assert {path.suffix for path in DOCS.rglob("*") if path.is_file() and "__pycache__" not in path.parts} <= {
        ".md",
        ".py",
        ".toml",
    }
