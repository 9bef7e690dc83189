"""Two people begin a chain at the same moment: both are heard, and the chain holds."""

from concurrent.futures import ThreadPoolExecutor

from app.db import Database, UnitOfWork
from app.domain.actors import system_actor
from app.services import audit_events
from tests.factories import Clock


def test_two_first_events_of_a_chain_follow_one_another(database: Database, clock: Clock) -> None:
    def begin(number: int) -> None:
        def note(uow: UnitOfWork) -> None:
            uow.record("setting_changed", plan_id=None, item_kind="setting", item_id=f"s{number}")

        database.write(note, actor=system_actor(), now=clock())

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(begin, range(24)))
    proved = database.read(lambda uow: list(audit_events.verify(uow)), actor=system_actor(), now=clock())
    assert proved == [("-", 24, [])]
