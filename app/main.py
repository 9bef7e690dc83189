"""Builds the application. May import everything; nobody imports it.

`application` is what a server runs: settings from the environment, checks first. `build_app` is the same without the
environment, for tests.
"""

import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from hmac import compare_digest
from importlib.metadata import version

import anyio
import structlog
from anyio.to_thread import current_default_thread_limiter, run_sync
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from app import api, pages
from app.api import problems
from app.db import Database
from app.domain.audit import HEAD_EVENT
from app.domain.refusals import WaymarkError
from app.doors.front_door import REFRESH_SECONDS, FrontDoor
from app.doors.last_seen import FLUSH_SECONDS, LastSeen
from app.doors.limits import RateLimits
from app.doors.middleware import (
    Faults,
    Metrics,
    OwnWords,
    RequestLog,
    SameOrigin,
    SecurityHeaders,
    TrustedProxies,
    door_of,
)
from app.pages import errors
from app.pages.static_files import StaticFiles
from app.scanner import Scanner
from app.services import jobs
from app.services.evidence_export_building import build_waiting
from app.services.evidence_files import open_store
from app.services.scans import scan_waiting
from app.services.starting import CannotStart, apply_settings, check_start, readiness
from app.services.webhooks import deliver_due, sender_of
from app.settings import BadSettings, Settings, is_loopback, load_settings
from app.storage import Storage

logger = structlog.get_logger("waymark.jobs")
Clock = Callable[[], datetime]

BODY_BYTES = 1_000_000
READER_THREADS_SQLITE, READER_THREADS_POSTGRESQL = 2, 4
WRITERS_SQLITE, WRITERS_POSTGRESQL = 1, 3
WEBHOOK_SECONDS = 5
SCAN_SECONDS, SCAN_SECONDS_AWAY = 2, 60  # between two looks for files to scan; when the scanner is away
EXPORT_SECONDS, EXPORT_SECONDS_AWAY = 2, 60  # between two looks for exports to make; after one that went wrong
COLLECT_EVERY = 50_000  # new things between two looks for cycles among the youngest


def application() -> FastAPI:
    """The application as a server runs it, from the environment. A start that would be unsafe ends with sentences."""
    configure_logging()
    try:
        settings = load_settings()
        database = Database(settings.database)
        check_start(settings, database)
        apply_settings(settings, database, now=_now())
    except (BadSettings, CannotStart) as error:
        raise SystemExit(f"Waymark cannot start.\n{error}") from None
    return build_app(settings, database=database)


def build_app(
    settings: Settings, *, database: Database | None = None, storage: Storage | None = None, clock: Clock | None = None
) -> FastAPI:
    """Put the application together. What is not given is made from the settings; `clock` gives aware UTC moments."""
    app = bare_app(settings)
    furnish(app, settings, database=database, storage=storage, clock=clock)
    return app


def bare_app(settings: Settings) -> FastAPI:
    """The application's routes and layers, which take most of the time, without anything to work on yet."""
    app = FastAPI(
        title="Waymark",
        version=version("waymark"),
        openapi_url=None,  # app/api/reference.py serves it
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        middleware=_middleware(settings, metrics := Metrics()),
    )
    app.state.metrics = metrics
    for kind in (WaymarkError, RequestValidationError, ValidationError, HTTPException):
        app.add_exception_handler(kind, _answer_later)
    app.mount("/static", StaticFiles(), name="static")
    _add_health(app)
    # The limit stands on the routers: on the application it would stand outside our middleware, and answer for itself.
    for router in pages.routers:
        app.include_router(router, max_body_size=BODY_BYTES)
    for router in api.routers:
        app.include_router(router, prefix=api.PREFIX, max_body_size=BODY_BYTES)
    return app


def furnish(
    app: FastAPI, settings: Settings, *, database: Database | None, storage: Storage | None, clock: Clock | None
) -> None:
    """Give an application what its requests work on."""
    state = app.state
    state.settings = settings
    state.database = database or Database(settings.database)
    state.storage = storage or open_store(settings)
    state.clock = clock or _now
    state.last_seen = LastSeen()
    state.front_door = FrontDoor(state.database)
    state.limits = RateLimits(settings)
    state.write_turn = anyio.Semaphore(WRITERS_SQLITE if state.database.is_sqlite else WRITERS_POSTGRESQL)


def answer(request: Request, error: Exception) -> Response:
    """What goes out instead, by door: a problem document below /api, a page everywhere else."""
    if door_of(request.url.path) == "api":
        return problems.answer(request, error)
    return errors.answer(request, error)


async def _answer_later(request: Request, error: Exception) -> Response:
    return answer(request, error)


def _middleware(settings: Settings, metrics: Metrics) -> list[Middleware]:
    return [
        Middleware(TrustedProxies, proxies=settings.proxies),
        Middleware(RequestLog, metrics=metrics),
        Middleware(SecurityHeaders, secure=settings.secure),
        Middleware(SameOrigin, settings=settings, answer=answer),
        Middleware(Faults, answer=answer),
        Middleware(OwnWords, answer=answer),
    ]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    on_sqlite = app.state.database.is_sqlite
    # With the usual 40 threads throughput falls as load rises: they all want the same interpreter.
    limiter = current_default_thread_limiter()
    limiter.total_tokens = READER_THREADS_SQLITE if on_sqlite else READER_THREADS_POSTGRESQL
    # What start-up made lives as long as the process: the collector need not visit it again.
    gc.collect()
    gc.freeze()
    # A page makes thousands of things and drops them all; looking among them for cycles every 700 costs a tenth of it.
    gc.set_threshold(COLLECT_EVERY, 20, 20)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_write_last_uses, app)
        if app.state.settings.run_jobs_in_process:
            tasks.start_soon(_run_jobs, app)
            tasks.start_soon(_build_exports, app)
            tasks.start_soon(_send_webhooks, app)
            if app.state.settings.scans:
                tasks.start_soon(_scan_files, app)
        tasks.start_soon(_read_front_door, app)
        yield
        tasks.cancel_scope.cancel()
    await run_in_threadpool(app.state.last_seen.flush, app.state.database)
    app.state.database.dispose()


async def _write_last_uses(app: FastAPI) -> None:
    while True:
        await anyio.sleep(FLUSH_SECONDS)
        if not app.state.last_seen.waiting:
            continue
        async with app.state.write_turn:
            await run_in_threadpool(app.state.last_seen.flush, app.state.database)


async def _read_front_door(app: FastAPI) -> None:
    """Another process may have set it: the command line."""
    while True:
        await anyio.sleep(REFRESH_SECONDS)
        await run_in_threadpool(app.state.front_door.refresh)


async def _run_jobs(app: FastAPI) -> None:
    """What `waymark jobs run` does, from time to time, beside the requests: in a thread that they do not need."""
    thread = anyio.CapacityLimiter(1)
    while True:
        await anyio.sleep(jobs.EVERY.total_seconds())
        run = partial(jobs.run_in_turn, app.state.database, app.state.storage, app.state.clock())
        try:
            # A server that stops does not wait: every job may be cut off at any moment.
            done = await run_sync(run, limiter=thread, abandon_on_cancel=True)
        except Exception:
            logger.exception("jobs_failed")
            continue
        # The daily line that `waymark audit verify --anchor` compares with.
        for chain, seq, chain_hash in done.heads:
            logger.info(HEAD_EVENT, chain=chain, seq=seq, hash=chain_hash)


async def _scan_files(app: FastAPI) -> None:
    """Has what was sent scanned soon after it came; a scanner that is away is asked again, less and less often."""
    thread = anyio.CapacityLimiter(1)
    scanner = Scanner(app.state.settings.clamav_url)
    pause = SCAN_SECONDS
    while True:
        await anyio.sleep(pause)
        run = partial(scan_waiting, app.state.database, app.state.storage, scanner, app.state.clock())
        try:
            done = await run_sync(run, limiter=thread, abandon_on_cancel=True)
        except Exception:
            logger.exception("scan_failed")
            pause = SCAN_SECONDS_AWAY
            continue
        if done.trouble:
            logger.warning("files_not_scanned", waiting=done.waiting, why=done.trouble)
        pause = min(2 * pause, SCAN_SECONDS_AWAY) if done.trouble else SCAN_SECONDS


async def _build_exports(app: FastAPI) -> None:
    """Makes the evidence log exports that are asked for, one at a time, in a thread that requests do not need."""
    thread = anyio.CapacityLimiter(1)
    pause = EXPORT_SECONDS
    while True:
        await anyio.sleep(pause)
        run = partial(build_waiting, app.state.database, app.state.storage, app.state.clock())
        try:
            await run_sync(run, limiter=thread, abandon_on_cancel=True)
            pause = EXPORT_SECONDS
        except Exception:
            logger.exception("export_failed")
            pause = EXPORT_SECONDS_AWAY


async def _send_webhooks(app: FastAPI) -> None:
    """Has partners' programs told soon after something was triaged or reviewed."""
    thread, state = anyio.CapacityLimiter(1), app.state
    sender, secret_key = sender_of(state.settings), state.settings.secret_key.get_secret_value()
    while True:
        await anyio.sleep(WEBHOOK_SECONDS)
        run = partial(deliver_due, state.database, sender, secret_key, state.clock)
        try:
            told = await run_sync(run, limiter=thread, abandon_on_cancel=True)
        except Exception:
            logger.exception("webhooks_failed")
            continue
        if told.failed:
            logger.warning("webhooks_not_delivered", failed=told.failed, delivered=told.arrived)


def _add_health(app: FastAPI) -> None:
    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        """Whether the process answers at all."""
        return {"status": "ok"}

    @app.get("/readyz", include_in_schema=False)
    def readyz(request: Request) -> Response:
        """Whether it can do its work: database at the head with its guards, storage writable."""
        state = request.app.state
        parts = readiness(state.database, state.storage)
        ready = all(value == "ok" for value in parts.values())
        return JSONResponse({"status": "ok" if ready else "not ready", **parts}, 200 if ready else 503)

    @app.get("/metrics", include_in_schema=False)
    async def metrics(request: Request) -> Response:
        """Counters for Prometheus, for who has the token or, on one's own machine, for anybody there."""
        if not _may_see_metrics(request):
            raise HTTPException(404)
        return Response(generate_latest(request.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _may_see_metrics(request: Request) -> bool:
    settings: Settings = request.app.state.settings
    token = settings.metrics_token.get_secret_value()
    if token:
        return compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {token}".encode())
    return not settings.is_production and is_loopback(request.client.host if request.client else None)


def _now() -> datetime:
    return datetime.now(UTC)


def configure_logging() -> None:
    """One JSON object a line on standard output."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(),
    )
