"""The plot of an inbox as SVG: how much came in, week by week, and how much of it was triaged in time.

Shapes carry classes that the style sheet draws; every column says its number, and a table stands under the plot.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 960, 250
_TOP, _FOOT = 34, 206
_LEFT, _RIGHT = 8, 952
_BAR = 46


@dataclass(frozen=True, slots=True)
class Column:
    """One week: its label, and its parts from below: triaged in time, late, and still in hand."""

    label: str
    in_time: int
    late: int
    in_hand: int

    @property
    def total(self) -> int:
        return self.in_time + self.late + self.in_hand


def weekly(columns: Sequence[Column], *, title: str) -> str:
    """The plot. `title` says in a sentence what it shows, for who cannot see it."""
    most = max((column.total for column in columns), default=0) or 1
    step = (_RIGHT - _LEFT) / max(1, len(columns))
    drawn = "".join(_column(one, _LEFT + step * (place + 0.5), most) for place, one in enumerate(columns))
    return (
        f'<svg class="wm-weeks" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" focusable="false"'
        f' aria-label="{escape(title)}">'
        f'<line class="wm-weeks__axis" x1="{_LEFT}" y1="{_FOOT}" x2="{_RIGHT}" y2="{_FOOT}"></line>{drawn}</svg>'
    )


def _column(one: Column, middle: float, most: int) -> str:
    foot, parts = float(_FOOT), []
    for name, number in (("in-time", one.in_time), ("late", one.late), ("in-hand", one.in_hand)):
        if number == 0:
            continue
        # What is there is seen, however little it is beside the rest.
        height = max(3.0, number / most * (_FOOT - _TOP))
        foot -= height
        parts.append(
            f'<rect class="wm-weeks__{name}" x="{middle - _BAR / 2:.1f}" y="{foot:.1f}" width="{_BAR}"'
            f' height="{height:.1f}"></rect>'
        )
    said = f"{one.total:,}" if one.total else "none"
    quiet = "" if one.total else " wm-weeks__none"
    at = f'x="{middle:.1f}" text-anchor="middle"'
    return (
        f"{''.join(parts)}"
        f'<text class="wm-weeks__number{quiet}" {at} y="{foot - 8:.1f}">{said}</text>'
        f'<text class="wm-weeks__label" {at} y="{_FOOT + 24}">{escape(one.label)}</text>'
    )
