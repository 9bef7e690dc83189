"""Puts what is served to the browser into `app/static/vendor/`, from the packages that npm installed.

The code of the two design systems is free to use; the GDS Transport typeface, the crown and the crest are not, outside
GOV.UK. So nothing is copied that is not named here, and what the style sheets say of those three is taken out of them.

Run by the Makefile, with the standard library only:  python tools/assets.py
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "node_modules"
VENDOR = ROOT / "app" / "static" / "vendor"

GOVUK = "govuk-frontend/dist/govuk"
MOJ = "@ministryofjustice/frontend/moj"
FONT = "@expo-google-fonts/atkinson-hyperlegible-next"

FONT_STACK = "var(--app-font,system-ui,-apple-system,BlinkMacSystemFont,Segoe UI,Roboto,arial,sans-serif)"

STYLE_SHEETS = {
    "govuk-frontend.min.css": f"{GOVUK}/govuk-frontend.min.css",
    "moj-frontend.min.css": f"{MOJ}/moj-frontend.min.css",
}
SCRIPTS = {
    "govuk-frontend.min.js": f"{GOVUK}/govuk-frontend.min.js",
    "moj-frontend.min.js": f"{MOJ}/moj-frontend.min.js",
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
}
COPIES = {
    "fonts/atkinson-hyperlegible-next-400.ttf": f"{FONT}/400Regular/AtkinsonHyperlegibleNext_400Regular.ttf",
    "fonts/atkinson-hyperlegible-next-700.ttf": f"{FONT}/700Bold/AtkinsonHyperlegibleNext_700Bold.ttf",
    "fonts/LICENSE.txt": f"{FONT}/LICENSE_FONT",
    "licences/htmx.txt": "htmx.org/LICENSE",
}
# These two packages name the licence in package.json and ship no text of it; it asks for the notice to be kept.
NOTICES = {
    "licences/govuk-frontend.txt": ("govuk-frontend", "Crown Copyright (c) Government Digital Service"),
    "licences/moj-frontend.txt": ("@ministryofjustice/frontend", "Crown Copyright (c) Ministry of Justice"),
}

FORBIDDEN = re.compile(r"GDS Transport|@font-face|govuk-crest|logotype-crown\.|url\(/assets", re.IGNORECASE)


class AssetError(Exception):
    """A package does not look as this file expects; the sentence says which, and what to look at."""


def main() -> None:
    """Build the folder beside its final place and swap it in, so that a server never sees half of it."""
    new = VENDOR.with_name("vendor.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)

    for name, source in STYLE_SHEETS.items():
        write(new / name, style_sheet(read(source), image=lambda image: take_image(image, into=new)))
    for name, source in SCRIPTS.items():
        write(new / name, script(read(source)))
    for name, source in COPIES.items():
        copy(source, new / name)
    for name, (package, owner) in NOTICES.items():
        write(new / name, notice(package, owner=owner))
    write(new / "manifest.json", json.dumps(hashes(new), indent=2, sort_keys=True) + "\n")

    shutil.rmtree(VENDOR, ignore_errors=True)
    new.rename(VENDOR)


def style_sheet(css: str, *, image: Callable[[str], None]) -> str:
    """Return `css` without the protected typeface and pictures; `image` is told of each picture that stays in it.

    Raises AssetError when a trace of them is left: the package has changed and this function has to follow.
    """
    css = re.sub(r"@font-face\s*\{[^}]*\}", "", css)
    css = re.sub(r"GDS Transport,\s*arial,\s*sans-serif", FONT_STACK, css)
    css = re.sub(r"url\([\"']?/assets/images/govuk-crest\.svg[\"']?\)", "none", css)

    def keep(match: re.Match[str]) -> str:
        name = match.group(1)
        image(name)
        return f"url(images/{name})"

    css = re.sub(r"url\([\"']?/assets/images/([\w.-]+)[\"']?\)", keep, css)
    css = without_source_map(css)
    if left := FORBIDDEN.search(css):
        raise AssetError(f"A style sheet still says “{left.group()}”: look at style_sheet() in tools/assets.py.")
    return css


def script(source: str) -> str:
    """Return a script without the comment that points to a source map, which is not served."""
    return without_source_map(source)


def without_source_map(text: str) -> str:
    return re.sub(r"\s*(/\*[#@] sourceMappingURL=.*?\*/|//[#@] sourceMappingURL=\S*)\s*$", "\n", text)


def take_image(name: str, *, into: Path) -> None:
    copy(f"{MOJ}/assets/images/{name}", into / "images" / name)


def notice(package: str, *, owner: str) -> str:
    facts = json.loads(read(f"{package}/package.json"))
    if facts["license"] != "MIT":
        raise AssetError(
            f"{package} is now under {facts['license']}: check that it may be served, then tools/assets.py."
        )
    licence = (ROOT / "LICENSE").read_text("utf-8")
    terms = licence[licence.index("Permission is hereby granted") :]
    return f"{facts['name']} {facts['version']}\n\nThe MIT License\n\n{owner}\n\n{terms}"


def hashes(folder: Path) -> dict[str, str]:
    """Return path → the first 16 hex digits of its SHA-256: what a page puts after `?v=`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in files}


def read(source: str) -> str:
    return find(source).read_text("utf-8")


def find(source: str) -> Path:
    path = PACKAGES / source
    if not path.is_file():
        raise AssetError(f"node_modules/{source} is missing: run `npm ci --ignore-scripts`.")
    return path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def copy(source: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(find(source), target)


if __name__ == "__main__":
    try:
        main()
    except AssetError as error:
        sys.exit(str(error))
