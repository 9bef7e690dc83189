"""How change requests are said on pages: what is asked for, what it would do, and what became of it."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.domain.change_requests import BODIES, SETTING_WORDS, ChangeRequestView, Effect, Foreseen
from app.domain.days import long_date
from app.domain.words import CancellationGround, ChangeKind, DateSetter, Rag
from app.pages.templating import plural
from app.pages.wording import listing

STATE_WORDS = {
    "requested": "Waiting for a decision",
    "approved": "Approved",
    "declined": "Declined",
    "withdrawn": "Withdrawn",
    "lapsed": "Lapsed",
}
KIND_CHOICES = [
    (ChangeKind.DUE_DATE, "Due date"),
    (ChangeKind.CANCELLATION, "Cancellation"),
    (ChangeKind.REPLACEMENT, "Replacement"),
    (ChangeKind.SPLIT, "Split"),
    (ChangeKind.CRITERIA, "Success criterion"),
    (ChangeKind.POLICY, "Evidence policy"),
    (ChangeKind.SETTINGS, "Settings"),
]
_CANCELLED = {
    CancellationGround.NO_LONGER_NEEDED: ("it is no longer needed", "it is no longer needed"),
    CancellationGround.REPLACED: ("it is replaced by {}", "another milestone replaces it"),
    CancellationGround.MERGED: ("it is merged into {}", "it is merged into another milestone"),
    CancellationGround.DUPLICATE: ("it is a duplicate of {}", "it is a duplicate"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request in words: its title, the facts beside it, and what an approval would do."""

    view: ChangeRequestView
    title: str
    state: str
    facts: tuple[tuple[str, str], ...]
    effect: "Outlook | None"


@dataclass(frozen=True, slots=True)
class Outlook:
    """What an approval would do, in sentences; `lines` are about single milestones."""

    summary: str
    lines: tuple[str, ...]
    warnings: tuple[str, ...]


def asked(view: ChangeRequestView) -> Asked:
    """A change request in words."""
    return Asked(view, title_of(view), STATE_WORDS[view.state], tuple(_facts(view)), outlook_of(view))


def title_of(view: ChangeRequestView) -> str:
    """What is asked for, in a line."""
    kind = ChangeKind(view.kind)
    if kind is ChangeKind.DUE_DATE:
        return f"Move the due date to {long_date(view.due_date)}" if view.due_date else "Move the due date"
    if kind is ChangeKind.CANCELLATION:
        return f"Cancel it: {cancelled_because(view)}"
    if kind is ChangeKind.REPLACEMENT:
        return "Replace it by a new milestone"
    if kind is ChangeKind.SPLIT:
        return f"Split it into {plural(len(view.parts), 'part')}"
    if kind is ChangeKind.CRITERIA:
        return "Change its success criterion"
    changed = listing(SETTING_WORDS[one.name].lower() for one in view.settings)
    return f"Change the plan’s {changed}"


def cancelled_because(view: ChangeRequestView) -> str:
    """Why a milestone ends: "it is merged into M-12"."""
    made = listing(part.made.ref for part in view.parts if part.made)
    if view.kind == ChangeKind.SPLIT:
        return f"it was split into {made}" if made else "it was split"
    if view.kind == ChangeKind.REPLACEMENT:
        return f"it was replaced by {made}" if made else "it was replaced"
    if view.ground is None:
        return "no ground was given"
    with_name, without = _CANCELLED[CancellationGround(view.ground)]
    return with_name.format(view.other.ref) if view.other else without


def outlook_of(view: ChangeRequestView) -> Outlook | None:
    """What it would do, while it waits."""
    return outlook(view.effect, of_plan=view.milestone is None) if view.effect else None


def outlook(effect: Effect, *, of_plan: bool) -> Outlook:
    """An effect in words: for a plan its counts first, for a milestone its own colour."""
    lines = tuple(_line(one) for one in (effect.changed if of_plan else effect.milestones))
    return Outlook(_summary(effect) if of_plan else "", lines, effect.warnings)


def _summary(effect: Effect) -> str:
    said = [
        f"{plural(len(found), 'milestone')} would turn {rag.capitalize()}"
        for rag in (Rag.RED, Rag.AMBER, Rag.GREEN)
        if (found := effect.turning(rag))
    ]
    if effect.falls_back:
        fallen = effect.falls_back
        verb = "would no longer be achieved"
        said.append(f"{plural(len(fallen), 'achieved milestone')} {verb}: {listing(one.ref for one in fallen)}")
    if effect.withheld:
        said.append(f"{plural(effect.withheld, 'more')} restricted to others would change")
    return ". ".join(said) or "No colour would change, and no achieved milestone would fall back"


def _line(one: Foreseen) -> str:
    held = f" ({', '.join(one.marks)})" if one.marks else ""
    name = f"{one.ref} {one.title}{held}".strip()
    if not one.before:
        return f"New: {name}. It would be {one.after}{_from(one)}"
    if one.before == one.after and not one.falls_back:
        return f"{name}: {one.after}, as now{_from(one)}"
    return f"{name}: {one.before} now, then {one.after}{_from(one)}"


def _from(one: Foreseen) -> str:
    """From when it would be Red, if nothing else changes."""
    if one.red_after is None or one.after == Rag.RED.capitalize():
        return ""
    return f". Red from {long_date(one.red_after)} if nothing changes"


def _facts(view: ChangeRequestView) -> Iterable[tuple[str, str]]:
    stands = view.due_now if view.state == "requested" else view.due_was
    if view.kind == ChangeKind.DUE_DATE and stands:
        yield "Due now" if view.state == "requested" else "Was due", long_date(stands)
    if view.success_criterion:
        yield "New success criterion", view.success_criterion
    if view.criteria is not None:
        yield "Proof agreed", "; ".join(view.criteria) or "none"
    for number, part in enumerate(view.parts, 1):
        name = "New milestone" if view.kind == ChangeKind.REPLACEMENT else f"Part {number}"
        due = f" Due {long_date(part.due_date)}." if part.due_date else ""
        owner = f" {part.owner}." if part.owner else ""
        made = f"{part.made.ref} " if part.made else ""
        yield name, f"{made}{part.title or 'redacted'}.{due}{owner} Proved by: {part.success_criterion or 'redacted'}"
    for one in view.settings:
        yield SETTING_WORDS[one.name], f"{one.becomes} (was: {one.was})"
    if view.agreement and view.agreement.on:
        body = BODIES.get(view.set_by, "The body that set the date")
        agreed = view.agreement
        yield f"{body[0].upper()}{body[1:]} agreed", f"{agreed.by}, {long_date(view.agreement.on)}, {agreed.reference}"
    elif view.state == "requested" and view.set_by is not DateSetter.PLAN and view.kind != ChangeKind.CRITERIA:
        yield "Not yet agreed by", BODIES[view.set_by]
    if view.meeting_on:
        yield "Decided in", f"the review meeting of {long_date(view.meeting_on)}"
