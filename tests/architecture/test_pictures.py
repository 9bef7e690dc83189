"""The pictures of the README and of the guides: all made by tools/pictures.py, all used, none heavy."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")


def test_every_picture_is_taken_by_the_script_shown_somewhere_and_of_a_sensible_size() -> None:
    taken = set(re.findall(r'camera\.take\(\s*"([a-z-]+)"', (ROOT / "tools" / "pictures.py").read_text("utf-8")))
    shown = set()
    for page in [ROOT / "README.md", *GUIDES]:
        for words, path in IMAGE.findall(page.read_text("utf-8")):
            picture = (page.parent / path).resolve()
            assert picture.parent == PICTURES, f"{page.name}: {path}"
            assert len(words) > 20, f"{page.name}: say in words what {path} shows"
            shown.add(picture.stem)
    kept = {picture.stem for picture in PICTURES.iterdir()}
    assert kept == shown == taken
    assert [picture.name for picture in PICTURES.iterdir() if picture.stat().st_size > 200_000] == []


def test_every_guide_shows_what_its_role_does() -> None:
    counts = {guide.stem: len(IMAGE.findall(guide.read_text("utf-8"))) for guide in GUIDES}
    assert len(counts) == 6
    assert all(2 <= number <= 5 for number in counts.values()), counts
