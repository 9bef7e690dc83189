"""One worker of the real application with the bench's own routes beside it: `python -m tests.bench.server …`."""

from __future__ import annotations

import argparse
from pathlib import Path

import uvicorn

from app.db import Database
from app.main import build_app, configure_logging
from app.settings import Settings
from tests.bench.beside import Beside
from tests.bench.seeding import NOW


def main() -> None:
    """Serve until stopped, as `waymark serve` does, with a clock that stands still and no limit on requests."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    configure_logging()
    database = Database(given.url)
    settings = Settings(
        data=given.data,
        port=given.port,
        database_url=given.url,
        api_requests_per_minute=10_000_000,
        run_jobs_in_process=False,
    )
    app = build_app(settings, database=database, clock=lambda: NOW)
    uvicorn.run(
        Beside(app, database),
        host="127.0.0.1",
        port=given.port,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
    )


if __name__ == "__main__":
    main()
