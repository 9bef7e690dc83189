"""The design systems' code is free to use; the crown, the crest and the GDS Transport typeface are not."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tools import assets

VENDOR = Path(__file__).parents[2] / "app" / "static" / "vendor"
SERVED = sorted(path for path in VENDOR.rglob("*") if path.is_file())


def test_nothing_protected_is_served() -> None:
    names = [path.name for path in SERVED]
    assert "govuk-frontend.min.css" in names
    assert [name for name in names if "crown" in name or "crest" in name or "favicon" in name] == []
    for path in SERVED:
        if path.suffix in {".css", ".svg"}:
            text = path.read_text("utf-8")
            assert "GDS Transport" not in text, path
            assert "govuk-crest" not in text, path


def test_every_picture_that_a_style_sheet_names_is_there() -> None:
    named = {
        part.split(")", 1)[0]
        for sheet in VENDOR.glob("*.css")
        for part in sheet.read_text("utf-8").split("url(")[1:]
        if not part.startswith(("data:", '"data:', "'data:"))
    }
    assert named
    assert {name for name in named if not (VENDOR / name).is_file()} == set()


def test_the_manifest_holds_the_hash_of_every_file() -> None:
    manifest = json.loads((VENDOR / "manifest.json").read_text("utf-8"))
    expected = {
        path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for path in SERVED
        if path.name != "manifest.json"
    }
    assert manifest == expected


def test_a_style_sheet_loses_typeface_and_crest_and_keeps_the_rest() -> None:
    pictures: list[str] = []
    css = (
        "@font-face{font-family:GDS Transport;src:url(/assets/fonts/x.woff2)}"
        "p{font-family:GDS Transport,arial,sans-serif;color:red}"
        "i{background-image:url(/assets/images/govuk-crest.svg)}b{background:url(/assets/images/icon-document.svg)}"
        "\n/*# sourceMappingURL=x.css.map */"
    )

    served = assets.style_sheet(css, image=pictures.append)

    assert served == (
        f"p{{font-family:{assets.FONT_STACK};color:red}}"
        "i{background-image:none}b{background:url(images/icon-document.svg)}\n"
    )
    assert pictures == ["icon-document.svg"]


def test_a_trace_that_is_left_stops_the_build() -> None:
    with pytest.raises(assets.AssetError, match="GDS Transport"):
        assets.style_sheet("p{font:12px GDS Transport}", image=lambda name: None)
