"""An evidence log to be taken away: its page, which opens offline and needs nothing else, its table and its manifest.

The page is written in pieces, a row at a time, and holds no script and no address of another site's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from urllib.parse import quote

from app.documents.csv_files import Cell
from app.domain.days import clock_time, london_day, long_date
from app.domain.evidence import EvidenceView, LinkView
from app.domain.evidence_exports import LEFT_OUT_WORDS, LeftOut, tally_sentences
from app.domain.markings import MARKING_WORDS


@dataclass(frozen=True, slots=True)
class LoggedItem:
    """An item of the log. `path` is its file's name inside the export; without one `left_out` says why, if it has a
    file at all. `version` counts the versions of one item.
    """

    item: EvidenceView
    version: int
    path: str = ""
    left_out: LeftOut | None = None

    @property
    def file_words(self) -> str:
        """Where the file is, or why it is not here."""
        if self.path:
            return self.path
        return f"Not in this export: {LEFT_OUT_WORDS[self.left_out]}" if self.left_out else ""


@dataclass(frozen=True, slots=True)
class About:
    """What the export is of: the plan, who asked, and when it was made."""

    plan: str
    person: str
    export: str
    moment: datetime


def _words(word: object) -> str:
    return str(word).replace("_", " ").capitalize()


def _reviewed(link: LinkView) -> str:
    if link.outcome is None:
        return f"{link.milestone_ref} {link.milestone_title}: not reviewed"
    scores = f"relevance {link.relevance}, robustness {link.robustness}" if link.relevance is not None else ""
    who = ", ".join(part for part in (scores, link.reviewed_by, _moment(link.reviewed_at)) if part)
    said = f" {link.reason}" if link.reason else ""
    return f"{link.milestone_ref} {link.milestone_title}: {link.outcome} ({who}).{said}"


def _moment(moment: datetime | None) -> str:
    return f"{long_date(london_day(moment))} at {clock_time(moment)}" if moment else ""


COLUMNS: Mapping[str, Callable[[LoggedItem], Cell]] = {
    "Reference": lambda one: one.item.ref,
    "Version": lambda one: one.version,
    "Title": lambda one: one.item.title,
    "State": lambda one: _words(one.item.state),
    "Form": lambda one: _words(one.item.form),
    "Kind": lambda one: _words(one.item.kind),
    "Milestones and reviews": lambda one: [_reviewed(link) for link in one.item.links],
    "Description": lambda one: one.item.description,
    "File in this export": lambda one: one.file_words,
    "File name as sent": lambda one: one.item.file_name,
    "Size in bytes": lambda one: one.item.size,
    "SHA-256": lambda one: one.item.sha256,
    "Link": lambda one: one.item.link,
    "Statement": lambda one: one.item.statement,
    "Their reference": lambda one: one.item.external_ref,
    "Sent by": lambda one: one.item.provided_by,
    "Organisation": lambda one: one.item.organisation,
    "Received": lambda one: one.item.received_at,
    "Dated": lambda one: one.item.effective_from,
    "Valid to": lambda one: one.item.effective_to,
    "Supports from": lambda one: one.item.period_from,
    "Supports to": lambda one: one.item.period_to,
    "Newer version of": lambda one: one.item.supersedes,
    "Personal data declared": lambda one: [_words(word) for word in one.item.personal_data],
    "Restricted to": lambda one: one.item.restricted_to,
    "Withdrawn": lambda one: one.item.withdrawn_at,
    "Withdrawn by": lambda one: one.item.withdrawn_by,
    "Why withdrawn": lambda one: one.item.withdrawal_reason,
    "Marking": lambda one: MARKING_WORDS[one.item.marking],
}


def cells(one: LoggedItem) -> list[Cell]:
    """An item as a row of the table."""
    return [cell(one) for cell in COLUMNS.values()]


# --- the manifest -----------------------------------------------------------------------------------------------------


def manifest_line(path: str, sha256: str) -> bytes:
    """A line that `sha256sum -c` checks."""
    return f"{sha256}  {path}\n".encode()


def manifest_remark(one: LoggedItem) -> bytes:
    """A line that it passes over: a file that is not here as it was sent."""
    hashed = f" (SHA-256 as sent: {one.item.sha256})" if one.item.sha256 else ""
    return f"# {one.item.ref} {LEFT_OUT_WORDS[one.left_out]}{hashed}\n".encode() if one.left_out else b""


# --- the page ---------------------------------------------------------------------------------------------------------

_STYLE = """
body{font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Arial,sans-serif;color:#0b0c0c;background:#fff;margin:0 auto;
max-width:75rem;padding:1rem}
h1{font-size:1.75rem;line-height:1.2}h2{font-size:1.25rem}a{color:#1a5d74}a:focus{outline:3px solid #0b0c0c;
background:#fd0}
.skip{position:absolute;left:-999rem}.skip:focus{position:static}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}caption{text-align:left;font-weight:bold}
th,td{border-bottom:1px solid #6f777b;padding:.5rem .75rem .5rem 0;text-align:left;vertical-align:top;
overflow-wrap:anywhere;min-width:7rem}
td p,th p{margin:0 0 .25rem}.hash{font-family:ui-monospace,Consolas,monospace;font-size:.8125rem}th{font-weight:bold}
@media print{.skip{display:none}.scroll{overflow:visible}}
"""


def page_start(about: About, *, items: int, files: int, left_out: Mapping[LeftOut, int]) -> bytes:
    """The page down to its table's first row."""
    title = f"Evidence log of {about.plan}"
    counted = f"{items:,} item" if items == 1 else f"{items:,} items"
    first, second, *why = tally_sentences(files, left_out)
    listed = f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in why)}</ul>" if why else ""
    heads = "".join(f'<th scope="col">{head}</th>' for head in _HEADS)
    return f"""<!doctype html>
<html lang="en-GB"><head><meta charset="utf-8"><title>{escape(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head><body>
<a class="skip" href="#log">Skip to the evidence log</a>
<header><h1>{escape(title)}</h1>
<p>As it stood on {_moment(about.moment)}, as {escape(about.person)} may read it. Export {escape(about.export)}.</p>
</header>
<main><h2>What is in this export</h2>
<p>The log has {counted}. {first} {second}</p>{listed}
<p>The same list is in <a href="index.csv">index.csv</a>. To prove that no file was changed since, run
<code>sha256sum -c manifest-sha256.txt</code> in this folder.</p>
<h2 id="log">Evidence log</h2>
<div class="scroll" role="region" aria-labelledby="log" tabindex="0"><table><caption>Every item, in the order in which
it was received</caption><thead><tr>{heads}</tr></thead><tbody>
""".encode()


_HEADS = ("Item", "What it is", "Milestones and reviews", "Received", "File")


def page_row(one: LoggedItem) -> bytes:
    """An item as a row of the page."""
    item = one.item
    columns = (
        _paragraphs(_what_it_is(one)),
        _paragraphs([_reviewed(link) for link in item.links]),
        _paragraphs([_moment(item.received_at), item.provided_by, item.organisation]),
        _file(one),
    )
    rest = "".join(f"<td>{column}</td>" for column in columns)
    return f'<tr><th scope="row"><p>{escape(item.ref)}</p><p>{escape(item.title)}</p></th>{rest}</tr>\n'.encode()


def _what_it_is(one: LoggedItem) -> list[str | None]:
    item = one.item
    version = f", version {one.version}" if one.version > 1 else ""
    kind = f"{_words(item.kind)}{version}. {_words(item.state)}. {MARKING_WORDS[item.marking]}."
    said = [kind, item.description, item.statement, item.link]
    if item.effective_from or item.effective_to:
        since = f"from {long_date(item.effective_from)}" if item.effective_from else ""
        until = f"to {long_date(item.effective_to)}" if item.effective_to else ""
        said.append(f"Valid {' '.join(part for part in (since, until) if part)}.")
    if item.external_ref:
        said.append(f"Their reference: {item.external_ref}")
    if item.withdrawn_at:
        why = item.withdrawal_reason or "redacted"
        said.append(f"Withdrawn by {item.withdrawn_by}, {_moment(item.withdrawn_at)}: {why}")
    return said


def page_end() -> bytes:
    """The end of the page."""
    return b"</tbody></table></div></main></body></html>\n"


def _paragraphs(texts: Sequence[str | None]) -> str:
    return "".join(f"<p>{escape(text)}</p>" for text in texts if text)


def _file(one: LoggedItem) -> str:
    hashed = f'<p class="hash">SHA-256 {escape(one.item.sha256)}</p>' if one.item.sha256 else ""
    if one.path:
        name = escape(one.item.file_name or one.path)
        return f'<p><a href="{quote(one.path)}">{name}</a></p>{hashed}'
    return _paragraphs([one.file_words or "No file"]) + hashed
