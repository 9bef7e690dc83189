"""What looks like personal data in a text, and what a file that holds some asks of whoever sends it.

Pure functions on text. They count and forget: a value that was found is nowhere in what they return, so that none can
reach a row, a log or an answer.
"""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import groupby

from app.domain.refusals import Reason


class Looked(StrEnum):
    """How far the search of a file got."""

    SEARCHED = "searched"
    IN_PART = "searched_in_part"
    NOT_SEARCHED = "not_searched"


class Found(StrEnum):
    """What is looked for."""

    NHS_NUMBER = "nhs_number"
    NATIONAL_INSURANCE_NUMBER = "national_insurance_number"
    DATE_OF_BIRTH = "date_of_birth"
    CASE_NUMBER = "case_number"


class Why(StrEnum):
    """Why a file was not searched, or not to its end."""

    KIND = "kind_not_read"
    NO_TEXT = "no_text"
    LOCKED = "password"
    DAMAGED = "damaged"
    PAGES = "many_pages"
    LENGTH = "long_text"
    UNPACKED = "unpacks_too_large"
    TIME = "took_too_long"
    ATTACHMENTS = "mail_attachments"
    FAULT = "search_failed"


KINDS_READ = frozenset({"pdf", "docx", "xlsx", "pptx", "odt", "ods", "odp", "csv", "txt", "eml"})
"""Kinds of files (`FileKind.name`) whose text is read. Pictures, the old Office formats and msg are not."""

MAX_PAGES = 200
MAX_CHARACTERS = 2_000_000


@dataclass(frozen=True, slots=True)
class Terms:
    """What a file is searched for besides the usual: the case numbers of these organisations. `on`: today."""

    case_patterns: tuple[str, ...]
    on: date


@dataclass(frozen=True, slots=True)
class Finding:
    """So many of one kind on one page, sheet or slide; None where the kind of file has no pages."""

    kind: Found
    count: int
    page: int | None


@dataclass(frozen=True, slots=True)
class Search:
    """What the search of one file came to. `pages`: how many were read; None where the kind of file has none."""

    state: Looked
    why: Why | None = None
    pages: int | None = None
    findings: tuple[Finding, ...] = ()

    def as_text(self) -> str:
        """As it is stored."""
        found = [[item.kind, item.count, item.page] for item in self.findings]
        return json.dumps([self.state, self.why, self.pages, found], separators=(",", ":"))


NOT_OF_A_KIND_READ = Search(Looked.NOT_SEARCHED, Why.KIND)


def search_from_text(stored: str | None) -> Search | None:
    """What was stored of a search; None where there was none: no file, or one from before there was a guard."""
    if stored is None:
        return None
    state, why, pages, found = json.loads(stored)
    findings = tuple(Finding(Found(kind), count, page) for kind, count, page in found)
    return Search(Looked(state), Why(why) if why else None, pages, findings)


# --- the rule ---------------------------------------------------------------------------------------------------------

NONE_DECLARED = "none"
PERSONAL_DATA_FOUND = "personal_data_found"


def undeclared(
    search: Search | None, declared: Collection[str], *, looked_at: bool, unit: str = "page"
) -> list[Reason]:
    """What was found in a file that its sender has not declared: a reason for each kind and page. Empty: it is taken.

    What was found may be something else that only looks like it. Who has seen what was found (`looked_at`) may say
    that it is no personal data, by declaring none; that, too, stands beside the item.
    """
    if search is None or not search.findings:
        return []
    if any(word != NONE_DECLARED for word in declared) or (looked_at and NONE_DECLARED in declared):
        return []
    return [_reason(finding, unit) for finding in _shortened(search.findings)]


def _reason(finding: Finding, unit: str) -> Reason:
    details = {"kind": str(finding.kind), "count": finding.count, "page": finding.page}
    return Reason(PERSONAL_DATA_FOUND, f"It holds what looks like {in_words(finding, unit)}", details)


PAGES_NAMED = 20


def _shortened(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The first pages of each kind; of all further ones the sum, without a page."""
    for _, group in groupby(findings, key=lambda finding: finding.kind):
        listed = list(group)
        yield from listed[:PAGES_NAMED]
        if more := listed[PAGES_NAMED:]:
            yield Finding(more[0].kind, sum(finding.count for finding in more), None)


_WORDS = {
    Found.NHS_NUMBER: ("an NHS number", "NHS numbers"),
    Found.NATIONAL_INSURANCE_NUMBER: ("a National Insurance number", "National Insurance numbers"),
    Found.DATE_OF_BIRTH: ("a date of birth", "dates of birth"),
    Found.CASE_NUMBER: ("a case number", "case numbers"),
}


def in_words(finding: Finding, unit: str = "page") -> str:
    """`3 NHS numbers on page 2`, and never which."""
    what = f"{finding.count} {_WORDS[finding.kind][1]}" if finding.count > 1 else _WORDS[finding.kind][0]
    return what if finding.page is None else f"{what} on {unit} {finding.page}"


def lines(search: Search, unit: str = "page") -> list[str]:
    """What was found, a line a kind: `3 NHS numbers, on pages 2 and 5`."""
    return [_line(kind, list(group), unit) for kind, group in groupby(search.findings, key=lambda one: one.kind)]


def _line(kind: Found, found: list[Finding], unit: str) -> str:
    what = in_words(Finding(kind, sum(one.count for one in found), None))
    pages = [str(one.page) for one in found if one.page is not None]
    if not pages:
        return what[0].upper() + what[1:]
    more = len(pages) - PAGES_NAMED
    named = [*pages[:PAGES_NAMED], f"{more} more"] if more > 0 else pages
    where = " and ".join(filter(None, [", ".join(named[:-1]), named[-1]]))
    return f"{what[0].upper()}{what[1:]}, on {unit}{'s' if len(pages) > 1 else ''} {where}"


def how_far(search: Search, unit: str = "page") -> str:
    """One sentence: how far a file was searched, and why not further."""
    if search.state is Looked.SEARCHED:
        return "Its text was searched for personal data"
    if search.state is Looked.NOT_SEARCHED:
        return f"Not searched for personal data: {_WHY_NOT.get(search.why or Why.FAULT, _WHY_NOT[Why.FAULT])}"
    if search.why is Why.ATTACHMENTS:
        return "The message was searched for personal data; what is attached to it was not"
    if search.pages:
        first = f"The first {search.pages} {unit}s were" if search.pages > 1 else f"The first {unit} alone was"
        return f"{first} searched for personal data"
    return "The beginning of its text was searched for personal data"


_WHY_NOT = {
    Why.KIND: "files of this kind are not read",
    Why.NO_TEXT: "it holds no text that can be read. It may be a scan",
    Why.LOCKED: "it is protected by a password",
    Why.DAMAGED: "it cannot be read",
    Why.PAGES: "it has too many pages",
    Why.LENGTH: "it is too long",
    Why.UNPACKED: "it unpacks to more than Waymark is willing to read",
    Why.TIME: "reading it took too long",
    Why.ATTACHMENTS: "it holds attachments alone",
    Why.FAULT: "the search did not come to an end",
}


# --- the organisation's own case numbers ------------------------------------------------------------------------------

PATTERN_LIMIT = 40
_PATTERN = re.compile(r"[A-Za-z0-9 ./_#@-]{4,40}")
PATTERN_HELP = (
    "Write it as LCS-######: # stands for any digit, @ for any letter, and letters, digits, spaces and - / . _"
    " for themselves. 4 to 40 characters, of which at least three are # or @, and six where nothing else is in it"
)


def pattern_fits(pattern: str) -> bool:
    """Whether this can be a case-number pattern. There is no way to write a repetition or a choice in it, so that none
    can be slow; and it is long enough not to mean every number in every file.
    """
    if not _PATTERN.fullmatch(pattern) or pattern != pattern.strip():
        return False
    places = sum(character in "#@" for character in pattern)
    fixed = any(character.isalnum() for character in pattern)
    return places >= (3 if fixed else 6) and "#" in pattern


def _case_numbers(text: str, patterns: Sequence[str]) -> int:
    return sum(len(_compiled(pattern).findall(text)) for pattern in dict.fromkeys(patterns) if pattern_fits(pattern))


def _compiled(pattern: str) -> re.Pattern[str]:
    places = {"#": "[0-9]", "@": "[A-Za-z]"}
    body = "".join(places.get(character) or re.escape(character) for character in pattern)
    return re.compile(rf"(?<![A-Za-z0-9]){body}(?![A-Za-z0-9])", re.IGNORECASE)


# --- the finders ------------------------------------------------------------------------------------------------------


def find(text: str, terms: Terms) -> Counter[Found]:
    """How much of each kind a text holds. Each pattern reads the text once, from left to right."""
    found = Counter(
        {
            Found.NHS_NUMBER: sum(1 for _ in _nhs_numbers(text)),
            Found.NATIONAL_INSURANCE_NUMBER: sum(1 for _ in _insurance_numbers(text)),
            Found.DATE_OF_BIRTH: len(_birth_dates(text, terms.on)),
            Found.CASE_NUMBER: _case_numbers(text, terms.case_patterns),
        }
    )
    return +found


_GAP = "[ \u00a0\u2009\u202f-]?"
_TEN_DIGITS = re.compile(
    rf"(?<![0-9A-Fa-f_])(?<![0-9][.,])(\d{{3}}){_GAP}(\d{{3}}){_GAP}(\d{{4}})(?![0-9A-Za-z_])(?!\.\d)"
)
_BOOK = re.compile(r"ISBN\W{0,6}\Z", re.IGNORECASE)


def _nhs_numbers(text: str) -> Iterator[str]:
    """Ten digits whose last one checks. A book's number checks in the same way and is told apart by its name."""
    for match in _TEN_DIGITS.finditer(text):
        digits = "".join(match.groups())
        if nhs_number_checks(digits) and not _BOOK.search(text, max(0, match.start() - 14), match.start()):
            yield digits


def nhs_number_checks(digits: str) -> bool:
    """Modulus 11 over nine digits weighted 10 to 2 (NHS Data Dictionary, NHS NUMBER); not ten times the same digit."""
    if len(set(digits)) == 1:
        return False
    remainder = sum(int(digit) * weight for digit, weight in zip(digits[:9], range(10, 1, -1), strict=True)) % 11
    return (11 - remainder) % 11 == int(digits[9])


_INSURANCE = re.compile(
    rf"(?<![A-Za-z0-9])([A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]){_GAP}\d\d{_GAP}\d\d{_GAP}\d\d{_GAP}[A-D](?![A-Za-z0-9])",
    re.IGNORECASE,
)
_NEVER_GIVEN = frozenset({"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})


def _insurance_numbers(text: str) -> Iterator[str]:
    """Two letters, six digits and a letter from A to D (HMRC, NIM39110), without the prefixes that are never given."""
    for match in _INSURANCE.finditer(text):
        if match[1].upper() not in _NEVER_GIVEN:
            yield match[0]


_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_DATE = (
    r"(?<!\d)(?:(?P<d{0}>\d{{1,2}})[/.-](?P<m{0}>\d{{1,2}})[/.-](?P<y{0}>(?:19|20)?\d\d)"
    r"|(?P<Y{0}>(?:19|20)\d\d)-(?P<M{0}>\d\d)-(?P<D{0}>\d\d)"
    rf"|\d{{{{1,2}}}}(?:st|nd|rd|th)? (?:{_MONTHS})[a-z]{{{{0,6}}}},? (?P<w{{0}}>(?:19|20)\d\d))(?!\d)"
)
_LABEL = r"(?:\bd\.?o\.?b\b\.?|\bdates? of birth\b|\bbirth ?date\b|\bborn\b)"
_LABELLED = re.compile(rf"{_LABEL}[^0-9]{{0,40}}(?={_DATE.format('')})", re.IGNORECASE)
_LABEL_ALONE = re.compile(_LABEL, re.IGNORECASE)
_NAME_WORD = r"[A-Z][A-Za-z'’-]{1,30}"
_NAMED = re.compile(
    rf"(?<![A-Za-z'’-]){_NAME_WORD}(?:,? {_NAME_WORD}){{1,2}}(?:,| \(|, | )(?:b\. ?)?(?={_DATE.format('')})"
)
_ANY_DATE = re.compile(_DATE.format(""), re.IGNORECASE)
_CAPITAL = re.compile(r"\b[A-Z][a-z]")
_COLUMNS = ("\t", ",", ";", "|")

# What stands before a date in capitals and is nobody: "Safeguarding Board 12/03/2007".
_NOBODY = re.compile(
    r"\b(?:Agenda|Authority|Board|Cabinet|Children|Committee|Conference|Council|Date|Department|Directorate|Group|Issue"
    r"|Meeting|Minutes|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|Ofsted|Panel|Plan|Policy|Procedure"
    r"|Review|Report|Sch?edule|Section|Service|Services|Statement|Strategy|Team|Trust|Update|Version|Act|Approved"
    r"|Signed|Dated|By|On|The|From|Since|Due|Created|Published|Received)\b"
)


def _birth_dates(text: str, on: date) -> set[int]:
    """Where dates of birth stand: after their label; in a column that is headed so, beside a name; straight after a
    person's name, when the day is two years gone, so that a signature with its day is not one.
    """
    found = {match.end() for match in _LABELLED.finditer(text) if _is_day(match)}
    for match in _NAMED.finditer(text):
        if _is_day(match) and not _NOBODY.search(match[0]) and _year(match) <= on.year - 2:
            found.add(match.end())
    return found | set(_in_columns(text))


def _in_columns(text: str) -> Iterator[int]:
    separator = ""
    place = 0
    for line in text.splitlines(keepends=True):
        if separator and separator in line and _CAPITAL.search(line):
            day = next((match for match in _ANY_DATE.finditer(line) if _is_day(match)), None)
            if day is not None:
                yield place + day.start()
        elif _LABEL_ALONE.search(line) and not _ANY_DATE.search(line):
            separator = next((mark for mark in _COLUMNS if mark in line), "")
        place += len(line)


def _is_day(match: re.Match[str]) -> bool:
    day, month = match["d"] or match["D"], match["m"] or match["M"]
    return day is None or (1 <= int(day) <= 31 and 1 <= int(month) <= 12)


def _year(match: re.Match[str]) -> int:
    """The year in four figures; one of two figures is nobody's birthday without a label."""
    year = int(match["y"] or match["Y"] or match["w"])
    return year if year >= 1900 else 9999


# --- what a search came to --------------------------------------------------------------------------------------------


def summed(counts: Iterable[tuple[Found, int | None, int]]) -> tuple[Finding, ...]:
    """Findings, a kind after the other, each in the order of its pages."""
    total: Counter[tuple[Found, int | None]] = Counter()
    for kind, page, count in counts:
        total[kind, page] += count
    order = list(Found)
    listed = sorted(total.items(), key=lambda item: (order.index(item[0][0]), item[0][1] or 0))
    return tuple(Finding(kind, count, page) for (kind, page), count in listed if count)


def totals(search: Search) -> dict[str, int]:
    """How many of each kind there are in a file."""
    counted: Counter[str] = Counter()
    for finding in search.findings:
        counted[str(finding.kind)] += finding.count
    return dict(counted)


_UNITS = {"xlsx": "sheet", "ods": "sheet", "pptx": "slide", "odp": "slide"}


def unit_of(file_kind: str) -> str:
    """What a file of this kind is divided into."""
    return _UNITS.get(file_kind, "page")
