"""Reads a page as a browser does, and says what is wrong with its markup."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])
# Elements whose end tag we never leave out, so that a missing one is a mistake.
SKIPPED_IN_TEXT = ("script", "style", "title")


@dataclass
class Element:
    name: str
    attributes: dict[str, str]
    line: int


@dataclass
class Page:
    """A page taken apart: its elements in order, its text, and what was wrong with its nesting."""

    elements: list[Element] = field(default_factory=list)
    text: str = ""
    faults: list[str] = field(default_factory=list)
    title: str = ""

    def all(self, name: str) -> list[Element]:
        return [element for element in self.elements if element.name == name]

    def links(self) -> list[str]:
        return [link.attributes["href"] for link in self.all("a") if "href" in link.attributes]

    def ids(self) -> list[str]:
        return [element.attributes["id"] for element in self.elements if "id" in element.attributes]

    def value(self, name: str) -> str:
        """The value of an input."""
        return next(one.attributes.get("value", "") for one in self.all("input") if one.attributes.get("name") == name)

    def problems(self, *, whole: bool = True) -> list[str]:
        """Everything wrong with it: nesting, ids, references, labels, and what the content security policy forbids."""
        found = [*self.faults, *_forbidden(self), *_ids(self), *_references(self, links=whole), *_labels(self)]
        if whole:
            found += _outline(self)
        return found


def read(html: str) -> Page:
    """Take a page or fragment apart."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    reader.page.faults += [f"<{name}> opened in line {line} is never closed" for name, line in reader.open]
    reader.page.text = re.sub(r"\s+", " ", reader.page.text).strip()
    reader.page.title = re.sub(r"\s+", " ", reader.page.title).strip()
    return reader.page


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self.open: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        doubled = [name for name, number in Counter(name for name, _ in attrs).items() if number > 1]
        self.page.faults += [f"<{tag}> has {name} twice in line {self.getpos()[0]}" for name in doubled]
        self.page.elements.append(Element(tag, {name: value or "" for name, value in attrs}, self.getpos()[0]))
        if tag not in VOID:
            self.open.append((tag, self.getpos()[0]))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1][0] != tag:
            inner = self.open[-1] if self.open else ("nothing", 0)
            self.page.faults.append(
                f"</{tag}> in line {self.getpos()[0]} while <{inner[0]}> of line {inner[1]} is open"
            )
            return
        self.open.pop()

    def handle_data(self, data: str) -> None:
        within = [name for name, _ in self.open]
        if "title" in within and "svg" not in within:
            self.page.title += data
        if not any(name in within for name in SKIPPED_IN_TEXT):
            self.page.text += f" {data}"


def _forbidden(page: Page) -> list[str]:
    found = []
    for element in page.elements:
        if "style" in element.attributes or element.name == "style":
            found.append(f"inline style in line {element.line}")
        if element.name == "script" and "src" not in element.attributes:
            found.append(f"inline script in line {element.line}")
        found += [f"{name} in line {element.line}" for name in element.attributes if name.startswith(("on", "hx-on"))]
        found += [
            f"javascript: in line {element.line}"
            for value in element.attributes.values()
            if value.startswith("javascript:")
        ]
    return found


def _ids(page: Page) -> list[str]:
    return [f"id {name!r} {number} times" for name, number in Counter(page.ids()).items() if number > 1]


_POINTING = ("for", "aria-labelledby", "aria-describedby", "aria-controls", "data-aria-controls", "list")


def _references(page: Page, *, links: bool) -> list[str]:
    ids = set(page.ids())
    found = []
    for element in page.elements:
        for attribute in _POINTING:
            found += [
                f"{attribute} points to {name!r}, which is not there, in line {element.line}"
                for name in element.attributes.get(attribute, "").split()
                if name not in ids
            ]
        target = element.attributes.get("href", "")
        if links and target.startswith("#") and target[1:] and target[1:] not in ids:
            found.append(f"link to {target}, which is not there, in line {element.line}")
    return found


def _labels(page: Page) -> list[str]:
    labelled = {label.attributes.get("for") for label in page.all("label")}
    found = []
    for name in ("input", "select", "textarea"):
        for one in page.all(name):
            kind = one.attributes.get("type", "text")
            if kind not in ("hidden", "submit") and one.attributes.get("id") not in labelled:
                found.append(f"<{name} name={one.attributes.get('name')}> has no label in line {one.line}")
    return found


def _outline(page: Page) -> list[str]:
    found = []
    if len(page.all("h1")) != 1:
        found.append(f"{len(page.all('h1'))} first headings")
    if len(page.all("main")) != 1:
        found.append(f"{len(page.all('main'))} main elements")
    if not page.title:
        found.append("no title")
    levels = [int(element.name[1]) for element in page.elements if re.fullmatch(r"h[1-6]", element.name)]
    before = 0
    for level in levels:
        if before and level > before + 1 and not (before == 0 and level == 2):
            found.append(f"heading {level} after heading {before}")
        before = level
    return found
