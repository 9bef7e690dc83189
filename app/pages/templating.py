"""The templates: one environment, compiled once, and the one function that turns a template into a response."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import markupsafe
from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import ChainableUndefined, Environment, FileSystemLoader, PackageLoader, PrefixLoader, UndefinedError
from jinja2.compiler import CodeGenerator
from jinja2.compiler import Frame as CompilerFrame
from jinja2.loaders import ChoiceLoader
from jinja2.nodes import Expr
from jinja2.utils import missing
from markupsafe import Markup, escape

from app.domain import days
from app.domain.expiry import ending_words
from app.domain.permissions import ANYWHERE, Act
from app.domain.plans import PlanView
from app.domain.words import CAUSE_WORDS, ROLE_WORDS

_APP = Path(__file__).parents[1]
TEMPLATES = _APP / "templates"
STATIC = _APP / "static"


class _UnlessItsMacros(ChainableUndefined):
    """Strict where we write and lenient where the GOV.UK macros do.

    Those look for options that were not given, in the dictionary they are called with, all the time. A variable that a
    template never received, or a field that a dataclass does not have, is a mistake of ours and stops the page.
    """

    def _ours(self) -> bool:
        nothing_given = self._undefined_obj is missing and self._undefined_name not in ("caller", "undefined")
        return nothing_given or not (
            self._undefined_obj is missing or isinstance(self._undefined_obj, dict | ChainableUndefined)
        )

    def _stop_if_ours(self) -> None:
        if self._ours():
            raise UndefinedError(self._undefined_message)

    def __str__(self) -> str:
        self._stop_if_ours()
        return super().__str__()

    def __html__(self) -> str:
        return self.__str__()

    def __bool__(self) -> bool:
        self._stop_if_ours()
        return super().__bool__()

    def __iter__(self) -> Any:
        self._stop_if_ours()
        return super().__iter__()


def moment(value: datetime) -> str:
    """A moment in text: "8 December 2009 at 4:20pm"."""
    return f"{days.long_date(days.london_day(value))} at {days.clock_time(value)}"


def file_size(size: int) -> str:
    """A number of bytes as people say it: "212 KB"."""
    if size < 1_000:
        return f"{size} bytes"
    if size < 1_000_000:
        return f"{round(size / 1_000)} KB"
    return f"{size / 1_000_000:.1f} MB"


_COUNTED = 1_000  # counts of long lists stop here


def plural(count: int, one: str, many: str = "") -> str:
    """A count with its noun: "1 item", "3 items", "1,000+ items"."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def number(count: int) -> str:
    """A count of a long list, which may have been stopped: "24", "1,000+"."""
    return f"{count:,}" if count <= _COUNTED else f"{_COUNTED:,}+"


def sentence(text: str) -> str:
    """A text that may be followed by another sentence: with a full stop, unless it ends in a mark already."""
    return text if text.endswith((".", "!", "?", "”")) else f"{text}."


def lower_first(text: str) -> str:
    """A sentence's words inside another sentence."""
    return text[:1].lower() + text[1:]


def paragraphs(text: str) -> Markup:
    """Typed text with its line breaks: a blank line parts paragraphs, a single one breaks the line."""
    blocks = [block.strip() for block in text.replace("\r\n", "\n").split("\n\n")]
    lines = [Markup("<br>").join(block.split("\n")) for block in blocks if block]
    return Markup("").join(Markup('<p class="govuk-body wm-typed">{}</p>').format(line) for line in lines)


@cache
def static(name: str) -> str:
    """The address of a static file, with the hash of its content, so that browsers may keep it for ever."""
    if name.startswith("vendor/"):
        known: dict[str, str] = _vendor_hashes()
        return f"/static/{name}?v={known.get(name.removeprefix('vendor/'), '0')}"
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:16]
    return f"/static/{name}?v={digest}"


@cache
def _vendor_hashes() -> dict[str, str]:
    manifest = STATIC / "vendor" / "manifest.json"
    return json.loads(manifest.read_text("utf-8")) if manifest.is_file() else {}


class _CodeGenerator(CodeGenerator):
    """Every value a template prints is escaped, as Jinja does, by the quicker function of the environment below.

    Jinja wraps each escaped text in a Markup object only to take it apart again when the page is joined: on a list
    of 50 rows that is half of the time.
    """

    def _output_child_pre(self, node: Expr, frame: CompilerFrame, finalize: Any) -> None:
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape:
            super()._output_child_pre(node, frame, finalize)
            return
        self.write("environment.escape_output(")
        if finalize.src is not None:
            self.write(finalize.src)


# What `escape` itself calls; the name is not public, so it is asked for.
_escape_text: Callable[[str], str] = getattr(markupsafe, "_escape_inner", escape)


class _Environment(Environment):
    code_generator_class = _CodeGenerator

    @staticmethod
    def escape_output(value: object) -> str:
        """Text for HTML: plain text escaped, Markup and everything else as Jinja has it."""
        return _escape_text(value) if type(value) is str else escape(value)


def _environment() -> Environment:
    env = _Environment(
        loader=ChoiceLoader(
            [
                FileSystemLoader(TEMPLATES),
                PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")}),
            ]
        ),
        autoescape=True,
        auto_reload=False,
        undefined=_UnlessItsMacros,
        trim_blocks=True,
        lstrip_blocks=True,
        cache_size=-1,
    )
    env.filters.update(
        long_date=days.long_date,
        short_date=days.short_date,
        weekday_date=days.weekday_date,
        clock_time=days.clock_time,
        day_count=days.day_count,
        span_words=days.span_words,
        times_words=days.times_words,
        moment=moment,
        london_day=days.london_day,
        file_size=file_size,
        sentence=sentence,
        lower_first=lower_first,
        paragraphs=paragraphs,
    )
    env.globals.update(static=static, plural=plural, number=number, role_words=ROLE_WORDS, cause_words=CAUSE_WORDS)
    env.globals.update(ending_words=ending_words)
    return env


environment = _environment()


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What surrounds every page. Everything has a default, so that an error page can always be shown.

    `person` is the post title of who is signed in. `plan` brings the plan's menu, in which `active` is the entry shown
    (`is_page`: that very page, not one beneath it) and `exceptions` the number beside Exceptions. `has_updates`: there
    are milestones to update, `updates` of them now. `has_inbox`: what partners send is theirs to triage. `held`: how
    many uploads of their own organisation they are to release. `front_door` says where a person at risk is referred to.
    """

    person: str = ""
    organisation: str = ""
    plan: PlanView | None = None
    active: str = ""
    is_page: bool = True
    exceptions: int | None = None
    has_updates: bool = False
    updates: int | None = None
    has_inbox: bool = False
    held: int = 0
    front_door: str = ""

    @property
    def menu(self) -> list[tuple[str, str, str]]:
        """The plan's pages that these roles may open: (key, path after the plan's, words)."""
        entries = [
            ("home", "", "Plan home"),
            ("exceptions", "/exceptions", "Exceptions"),
            ("milestones", "/milestones", "Milestones"),
            ("inbox", "/inbox", "Inbox"),
            ("timeline", "/timeline", "Timeline"),
            ("meetings", "/meetings", "Meetings"),
            ("changes", "/change-requests", "Change requests"),
            ("themes", "/themes", "Themes and actions"),
        ]
        if self.plan and self.plan.roles & ANYWHERE[Act.READ_AUDIT]:
            entries.append(("audit", "/audit-events", "Audit trail"))
        if self.plan and self.plan.roles & ANYWHERE[Act.CHECK_HONESTY]:
            entries.append(("honesty", "/honesty-checks", "Honesty checks"))
        return entries


NOBODY = Frame()


def render(
    request: Request,
    template: str,
    *,
    frame: Frame = NOBODY,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **context: Any,
) -> HTMLResponse:
    """A page or fragment. `context` is what the template names; a name it lacks stops the page with an error."""
    html = environment.get_template(template).render(request=request, frame=frame, **context)
    answer = HTMLResponse(html, status, headers)
    answer.headers["Vary"] = "Cookie, HX-Request, HX-Request-Type"
    answer.headers.setdefault("Cache-Control", "no-store")
    return answer


def wants_fragment(request: Request) -> bool:
    """Whether HTMX asked for a part of the page. Whole pages are asked for by everything else, Back included."""
    return request.headers.get("HX-Request-Type") == "partial"
