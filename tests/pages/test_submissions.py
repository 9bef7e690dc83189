"""The inbox on pages: with HTMX and without, for who triages, who sent it and who may not know of it."""

from __future__ import annotations

import pytest

from app.domain.words import Scope
from app.services import receipts
from tests.pages.conftest import Kept
from tests.pages.markup import Page, read

HERE = "/plans/safeguarding-plan/inbox"


@pytest.fixture
def sent(house: Kept) -> Kept:
    """S-001 is the police's evidence for M-02, sent by key; S-002 Nat's letter; S-003 his evidence."""
    world = house.world
    house.there["rota"] = world.milestone(title="Rota")
    police = world.key_actor(Scope.EVIDENCE_WRITE)
    house.there["police"] = world.milestone(title="Log", supporting_organisations=["metropolitan-police"])
    world.attached(house.there["police"], by=police, description="46 strategy discussions")
    world.clock.forward(hours=30)
    letter = {"slug": world.plan, "title": "Notifications at weekends", "message": "They come late <every> week"}
    world.write("nat", receipts.send_correspondence, **letter, milestone="M-02", external_ref="NHS/7")
    world.clock.forward(hours=1)
    world.attached(house.there["rota"], by="nat")
    return house


def page_of(house: Kept, who: str = "petra", address: str = HERE) -> Page:
    answer = house.browser(who).get(address)
    assert answer.status_code == 200, answer.text
    return read(answer.text)


def test_unread_first_and_the_oldest_first_with_its_clock(sent: Kept) -> None:
    page = page_of(sent)
    assert page.problems() == []
    assert page.ids().index("S-001") < page.ids().index("S-002") < page.ids().index("S-003")
    for words in (
        "17 hours left", "Amber", "3 unread, of 3 waiting", "31 hours Amber oldest waiting, of 48 hours",
        "Evidence for M-03 Log", "46 strategy discussions", "They come late <every> week", "Their reference: NHS/7",
        "Log it, to be reviewed for M-03", "None yet triaged within 48 hours in the last 28 days: nothing was due",
    ):  # fmt: skip
        assert words in page.text, words
    sent.browser("petra").post(f"{HERE}/S-001/reading")
    page = page_of(sent)
    assert page.ids().index("S-002") < page.ids().index("S-003") < page.ids().index("S-001")
    assert "Read by Programme Manager" in page.text
    assert "2 unread, of 3 waiting" in page.text
