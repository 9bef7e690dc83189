"""The third door: `waymark`, for whoever operates an installation.

It acts as Waymark itself, through the same services as pages and API, and everything it changes is on the record with
the door "cli". What a person reads goes to standard error; what a program may want (a secret, an address, a line of
the audit trail) goes to standard output, a secret alone on its last line. Exit status: 0 done, 1 something is wrong
with what was looked at or with the machine, 2 what was asked cannot be done; each with a sentence that says why.
"""

import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from alembic.util import CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from app import migrations
from app.db import Database, UnitOfWork
from app.domain.actors import Actor, system_actor
from app.domain.audit import head_line, recorded_heads
from app.domain.days import clock_time, london_day, long_date
from app.domain.ids import new_id
from app.domain.refusals import NotFound, Refused, Unavailable, WaymarkError
from app.domain.words import Door, ExportState
from app.migrations import triggers
from app.scanner import Scanner
from app.services import (
    audit_events,
    evidence_exports,
    evidence_files,
    identity,
    jobs,
    keys,
    people,
    personal_data,
    seeds,
    webhooks,
)
from app.services import evidence_export_building as building
from app.services.people import ORGANISATION_KINDS
from app.services.scans import Scanned
from app.services.seeds_format import BadSeeds
from app.services.starting import CannotStart, check_start, database_problems
from app.settings import BadSettings, Settings, load_settings
from app.storage import Storage

T = TypeVar("T")

WRONG_USE, SOMETHING_WRONG, INTERRUPTED = 2, 1, 130
CREDENTIALS = "demo-credentials.txt"
_SERVER = "app.main:application"  # as text: nobody imports the application
_GRACE_SECONDS = 10

app = typer.Typer(
    help="Keeps an improvement plan honest: nothing counts as achieved until there is evidence for it.",
    epilog="Settings come from the environment: WAYMARK_DATA, WAYMARK_DATABASE_URL, WAYMARK_STORAGE_URL and others.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class WrongUse(Exception):
    """What was asked cannot be done; the message says why, in one sentence."""


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Carry out one command. Returns the exit status; nothing but a fault of Waymark's own ends in a traceback."""
    try:
        status = app(args=list(arguments), prog_name="waymark", standalone_mode=False)
    except typer.TyperException as error:
        return _stop(error.format_message(), WRONG_USE)  # without a message: the help has just been printed
    except Unavailable as error:
        return _stop(error.message, SOMETHING_WRONG)
    except Refused as error:
        return _stop(_refusal(error), WRONG_USE)
    except (WrongUse, WaymarkError, BadSettings, BadSeeds, CannotStart) as error:
        return _stop(str(error), WRONG_USE)
    except DBAPIError as error:
        return _stop(f"The database at WAYMARK_DATABASE_URL cannot be used: {_first_line(error.orig)}", SOMETHING_WRONG)
    except CommandError as error:
        return _stop(str(error), SOMETHING_WRONG)
    except OSError as error:
        return _stop(f"{error.filename or 'A file'}: {error.strerror or error}", SOMETHING_WRONG)
    except typer.Abort:
        return INTERRUPTED
    return status if isinstance(status, int) else 0


# --- starting ---------------------------------------------------------------------------------------------------------


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"waymark {version('waymark')}")
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool, typer.Option("--version", help="Say which version this is.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Keeps an improvement plan honest: nothing counts as achieved until there is evidence for it."""


@app.command()
def init(
    demo: Annotated[bool, typer.Option("--demo", help="Load the Haringey demo, with people and passwords.")] = False,
) -> None:
    """Make the data folder and a database at the newest migration. What is there already is kept."""
    settings = load_settings()
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    _migrate(settings)
    with _opened(settings) as waymark:
        waymark.storage.check_writable()
        if demo:
            _load_demo(waymark)
            return
    _tell(f"The database is ready: {_shown(settings.database)}.")
    _tell("Next: waymark organisation add, waymark person add --administrator, waymark setting set front_door.")


@app.command()
def migrate() -> None:
    """Bring the database to the newest migration and put its guards in place. Once there it stays as it is."""
    settings = load_settings()
    _migrate(settings)
    _tell(f"The database is up to date: {_shown(settings.database)}.")


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on; WAYMARK_HOST otherwise.")] = "",
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="The port to listen on; WAYMARK_PORT otherwise.")
    ] = None,
) -> None:
    """Serve pages and API until stopped. A start that would be unsafe is refused, with what to do about it."""
    if host:
        os.environ["WAYMARK_HOST"] = host
    if port is not None:
        os.environ["WAYMARK_PORT"] = str(port)
    settings = load_settings()
    _require_there(settings)
    with _opened(settings) as waymark:
        check_start(settings, waymark.database)
    _run_server(settings)


# --- organisations, people, what lets them in -------------------------------------------------------------------------

organisation_commands = typer.Typer(
    help="Councils, NHS bodies, police forces and other agencies.", no_args_is_help=True
)
person_commands = typer.Typer(help="People, and their invitations.", no_args_is_help=True)
token_commands = typer.Typer(help="Tokens, which act through the API with their person's roles.", no_args_is_help=True)
key_commands = typer.Typer(help="Organisations' keys to the API.", no_args_is_help=True)
setting_commands = typer.Typer(help="What is set for the whole installation.", no_args_is_help=True)
app.add_typer(organisation_commands, name="organisation")
app.add_typer(person_commands, name="person")
app.add_typer(token_commands, name="token")
app.add_typer(key_commands, name="key")
app.add_typer(setting_commands, name="setting")

OrganisationKind = StrEnum("OrganisationKind", {kind: kind for kind in ORGANISATION_KINDS})  # type: ignore[misc]


class SettingName(StrEnum):
    FRONT_DOOR = keys.FRONT_DOOR


Email = Annotated[str, typer.Argument(metavar="E-MAIL", help="Their e-mail address, which they sign in with.")]


@organisation_commands.command("add")
def add_organisation(
    slug: Annotated[str, typer.Argument(metavar="SLUG", help="Its short name, such as haringey-council.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help='Its full name, such as "Haringey Council".')],
    kind: Annotated[OrganisationKind, typer.Option(help="What it is.")] = OrganisationKind.other,  # type: ignore[attr-defined]
) -> None:
    """Add an organisation."""
    with _ready() as waymark:
        waymark.write(people.create_organisation, slug=slug, name=name, kind=str(kind))
    _tell(f"{name} was added. Commands call it {slug}.")


@organisation_commands.command("list")
def list_organisations() -> None:
    """Print every organisation: what commands call it, and its name."""
    with _ready() as waymark:
        for organisation in waymark.read(people.list_organisations):
            print(f"{organisation.slug}\t{organisation.name}")


@organisation_commands.command("case-numbers")
def set_case_numbers(
    slug: Annotated[str, typer.Argument(metavar="SLUG", help="The organisation, as `organisation list` says.")],
    pattern: Annotated[
        str, typer.Argument(metavar="PATTERN", help="Such as LCS-######: # a digit, @ a letter. Empty: none.")
    ],
) -> None:
    """Set how an organisation writes its case numbers, which uploads are then searched for."""
    with _ready() as waymark:
        waymark.write(personal_data.set_case_pattern, organisation=slug, pattern=pattern)
    _tell(f"Uploads are searched for case numbers written {pattern}." if pattern.strip() else "No pattern is set.")


@person_commands.command("add")
def add_person(
    email: Email,
    title: Annotated[str, typer.Option(metavar="POST", help='The title of their post, such as "Head of Assessment".')],
    organisation: Annotated[str, typer.Option(metavar="SLUG", help="Their organisation, as `organisation list` says.")],
    administrator: Annotated[
        bool, typer.Option("--administrator", help="They look after people, keys and settings.")
    ] = False,
) -> None:
    """Add a person and print the address at which they set their password: usable once, within 72 hours."""
    with _ready() as waymark:
        invited = waymark.write(
            people.create_person, email=email, post_title=title, organisation=organisation, administrator=administrator
        )
        _print_invitation(waymark.settings, invited)


@person_commands.command("invite")
def invite_person(email: Email) -> None:
    """Print a new address to set a password, for somebody who lost theirs. Earlier addresses stop working."""
    with _ready() as waymark:
        _print_invitation(waymark.settings, waymark.write(people.invite_again, email=email))


@person_commands.command("leave")
def record_leaving(
    email: Email,
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="Their last day; today otherwise.")
    ] = None,
) -> None:
    """Record that a person left: sessions, tokens and invitations end, and their milestones have no owner."""
    with _ready() as waymark:
        day: date | None = on.date() if on else None
        left = waymark.write(people.record_leaving, email=email, left_on=day)
        _tell(f"{left.email} ({left.post_title}) has left.")


@token_commands.command("create")
def create_token(
    person: Annotated[str, typer.Option(metavar="E-MAIL", help="Whose token it is.")],
    days: Annotated[int, typer.Option(help="How many days it works.")] = keys.USUAL_DAYS,
    name: Annotated[str, typer.Option(help="What its person sees it called.")] = "Command line",
) -> None:
    """Create a token that acts as a person, and print it alone on the last line. It is kept nowhere."""
    with _ready() as waymark:
        issued = waymark.write(keys.create_token, person=person, days=days, name=name)
    _print_secret(f"A token of {person}", issued)


@key_commands.command("create", context_settings={"allow_extra_args": True})
def create_key(
    context: typer.Context,
    organisation: Annotated[str, typer.Option(metavar="SLUG", help="Whose key it is.")],
    plan: Annotated[list[str], typer.Option(metavar="SLUG", help="A plan it opens; may be repeated.")],
    scope: Annotated[
        list[str],
        typer.Option(
            metavar="SCOPE",
            help="What it may do: evidence:write, risks:propose, observations:write, plan:read; may be repeated.",
        ),
    ],
    expires: Annotated[int, typer.Option(metavar="DAYS", help="How many days it works.")] = keys.USUAL_DAYS,
    name: Annotated[str, typer.Option(help="The system that will hold it, such as the records system.")] = "",
    needs_release: Annotated[
        bool,
        typer.Option("--needs-release", help="What it sends waits until a person of the organisation releases it."),
    ] = False,
) -> None:
    """Create an organisation's key and print it alone on the last line. It is kept nowhere.

    Refused while nobody has set the front-door contact: see `waymark setting set`.
    """
    # However several are given: --scope A --scope B, --scope A B, or --scope A,B.
    scopes = [one for said in (*scope, *context.args) for one in said.replace(",", " ").split()]
    with _ready() as waymark:
        issued = waymark.write(
            keys.create_key,
            organisation=organisation,
            plans=plan,
            scopes=scopes,
            days=expires,
            name=name,
            needs_release=needs_release,
        )
    _print_secret(f"A key of {organisation} for {', '.join(plan)} (key {issued.id})", issued)


@setting_commands.command("set")
def change_setting(
    name: Annotated[SettingName, typer.Argument(metavar="NAME", help="front_door.")],  # noqa: ARG001 - there is one
    value: Annotated[str, typer.Argument(metavar="TEXT", help="Whom to tell about a child or adult at risk, and how.")],
) -> None:
    """Set the front-door contact, which every receipt, the upload page and the partner guide print."""
    with _ready() as waymark:
        waymark.write(keys.set_front_door, contact=value)
    _tell("The front-door contact is set. A running server prints it within a minute.")


# --- looking after it -------------------------------------------------------------------------------------------------

job_commands = typer.Typer(help="What Waymark does without anybody asking.", no_args_is_help=True)
evidence_commands = typer.Typer(help="The evidence files.", no_args_is_help=True)
audit_commands = typer.Typer(help="The audit trail.", no_args_is_help=True)
seed_commands = typer.Typer(help="The demo's plain data files.", no_args_is_help=True)
app.add_typer(job_commands, name="jobs")
app.add_typer(evidence_commands, name="evidence")
app.add_typer(audit_commands, name="audit")
app.add_typer(seed_commands, name="seeds")


@job_commands.command("run")
def run_jobs() -> None:
    """Do what is due, once. May run at any time, beside a server too, which does the same from time to time.

    Achieved milestones whose evidence has ended fall back; files that wait for the virus scanner are sent to it;
    evidence log exports that were asked for are made, and old ones deleted; files of no row, broken uploads, old
    answers, and sessions and invitations that are over are deleted; webhooks that are due are sent.
    """
    with _ready() as waymark, _progress() as progress:
        scanner = Scanner(waymark.settings.clamav_url) if waymark.settings.scans else None
        done = jobs.run_due(waymark.database, waymark.storage, _now(), scanner=scanner, progress=progress)
        told = webhooks.deliver_due(
            waymark.database, webhooks.sender_of(waymark.settings), waymark.settings.secret_key.get_secret_value(), _now
        )
    _tell(f"{_count(done.fell_back, 'milestone')} fell back, because their evidence has ended.")
    if done.disposals_due:
        _tell(f"{_count(done.disposals_due, 'item')} of evidence may now be disposed of, once two people have agreed.")
    _tell(
        f"{_count(done.files_deleted, 'file')} of no row and {_count(done.uploads_cleared, 'broken upload')} deleted."
    )
    _tell_scans(done.scanned)
    if done.exports != building.NOTHING_BUILT:
        _tell(
            f"{_count(done.exports.ready, 'evidence log export')} made,"
            f" {done.exports.failed} failed, {done.exports.expired} run out."
        )
    _tell(f"{_count(done.records_deleted, 'record')} deleted that had served their purpose.")
    _tell(f"{_count(done.waiting_to_be_sent, 'message')} waiting to be sent.")
    if told.arrived or told.failed:
        _tell(f"{_count(told.arrived, 'webhook')} delivered, {told.failed} failed.")
    if done.store_away:
        _tell("The store of the evidence files is away: they were not looked at. The next run tries again.")
        raise typer.Exit(SOMETHING_WRONG)


def _tell_scans(scanned: Scanned) -> None:
    if scanned.clean or scanned.quarantined:
        _tell(f"{_count(scanned.clean, 'file')} scanned and clean, {scanned.quarantined} put in quarantine.")
    if scanned.waiting:
        _tell(f"{_count(scanned.waiting, 'file')} still waiting to be scanned: {scanned.trouble}.")


@evidence_commands.command("verify")
def verify_evidence() -> None:
    """Read every evidence file again and compare it with the hash it came with. Names what is missing or altered."""
    with _ready(guarded=False) as waymark, _progress() as progress:
        files = waymark.read(evidence_files.count_files)
        faults = 0
        for fault in evidence_files.verify_files(
            waymark.database,
            waymark.storage,
            now=_now(),
            progress=lambda checked: progress("Evidence files", checked, files),
        ):
            faults += 1
            print(f"{fault.storage_name} {fault.problem}: {'; '.join(fault.evidence)}")
    if faults:
        _tell(f"{_count(faults, 'file')} of {files} cannot be relied on.")
        raise typer.Exit(SOMETHING_WRONG)
    _tell(f"Every evidence file is there, unaltered: {files}.")


@evidence_commands.command("export")
def export_evidence(
    plan: Annotated[str, typer.Option(metavar="SLUG", help="The plan whose evidence log it is.")],
    person: Annotated[str, typer.Option(metavar="E-MAIL", help="Whose eyes it is for: it holds what they may read.")],
    to: Annotated[Path, typer.Option(metavar="FILE", help="The ZIP file to write; it must not be there yet.")],
) -> None:
    """Write a plan's evidence log as one ZIP: the files, an index of all items, and a manifest of hashes.

    It is made as if that person had asked for it, who finds it on the plan's page for a week too.
    """
    if to.exists():
        raise WrongUse(f"{to} is there already")
    with _ready() as waymark, _progress() as progress:
        actor, made = waymark.write(_asked_for, plan=plan, email=person)
        building.build(
            waymark.database, waymark.storage, made.lease, _now,
            progress=lambda done, of: progress("Evidence log", done, of),
        )  # fmt: skip
        done = waymark.database.read(
            lambda uow: evidence_exports.get_export(uow, export=made.id), actor=actor, now=_now()
        )
        if done.state is not ExportState.READY:
            raise WrongUse(f"The export could not be made. {done.problem}")
        content = waymark.database.write(
            lambda uow: evidence_exports.open_export(uow, export=made.id), actor=actor, now=_now()
        )
        _copy(waymark.storage.open(content.storage_name).chunks, to)
    for sentence in done.sentences:
        _tell(sentence if sentence.endswith(".") else f"{sentence}.")
    print(f"{content.sha256}  {to}")


@dataclass(frozen=True, slots=True)
class _Asked:
    """An export that this process is to make."""

    id: str
    lease: str


def _asked_for(uow: UnitOfWork, *, plan: str, email: str) -> tuple[Actor, _Asked]:
    account = identity.find_account(uow, email=email)
    if account is None:
        raise WrongUse(f"Nobody signs in as {email}")
    uow.actor = identity.actor_of_person(uow, person_id=account.person_id, door=Door.CLI)
    lease = new_id()
    try:
        export = evidence_exports.ask_export(uow, slug=plan, lease=lease)
    except NotFound as error:
        raise WrongUse(f"{email} is in no plan called {plan}") from error
    return uow.actor, _Asked(export.id, lease)


def _copy(pieces: Iterator[bytes], to: Path) -> None:
    """Write a file that is there whole or not at all."""
    beside = to.with_name(f"{to.name}.part")
    try:
        with beside.open("wb") as file:
            for piece in pieces:
                file.write(piece)
        beside.rename(to)
    finally:
        beside.unlink(missing_ok=True)


@audit_commands.command("heads")
def print_heads() -> None:
    """Print where each chain ends, a line each, to be kept where nobody who can write the database can write.

    Append them every day: waymark audit heads >> FILE. A running server writes the same lines to its log.
    """
    with _ready(guarded=False) as waymark:
        moment = _now()
        for chain, seq, chain_hash in waymark.read(audit_events.heads):
            print(head_line(chain, seq, chain_hash, moment))


@audit_commands.command("verify")
def verify_audit(
    anchor: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Lines of `audit heads`, or a server's log, to compare with."),
    ] = None,
) -> None:
    """Prove that no audit event was altered, dropped, reordered or cut off. Names the first fault."""
    heads, faults = _anchors(anchor) if anchor else ({}, [])
    with _ready(guarded=False) as waymark, _progress() as progress:
        missing = waymark.missing_guards()
        names = waymark.read(audit_events.chain_names)
        seen, total = 0, sum(seq for _, seq, _ in waymark.read(audit_events.heads))

        def more(events: int) -> None:
            nonlocal seen
            seen += events
            progress("Audit events", seen, total)

        proved = waymark.read(lambda uow: list(audit_events.verify(uow, anchors=heads, progress=more)))
    faults += [fault for _, _, several in proved for fault in several]
    for guard in missing:
        print(f"The database lacks a guard: {guard}")
    if faults:
        first = faults[0]
        print(f"{names.get(first.chain, first.chain)}, event {first.seq}: {first.problem}.")
        _tell(f"The audit trail does not hold: {_count(len(faults), 'fault')}, the first of which is named.")
    if faults or missing:
        raise typer.Exit(SOMETHING_WRONG)
    recorded = f", and agree with {_count(sum(map(len, heads.values())), 'recorded head')}" if anchor else ""
    _tell(f"{_count(len(proved), 'chain')} of {_count(seen, 'event')} hold{recorded}.")


@seed_commands.command("export")
def export_seeds(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write the files.")],
) -> None:
    """Write what is in the database as a demo's plain data files. The demo comes out as it went in, byte for byte."""
    with _ready() as waymark:
        exported = seeds.export_seeds(waymark.database, waymark.storage, folder=folder, now=_now())
    _tell(f"{_count(len(exported.plans), 'plan')} written to {folder}.")


# --- helpers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Waymark:
    """An installation that is open: its settings and database, and its store when it is asked for."""

    settings: Settings
    database: Database

    @property
    def storage(self) -> Storage:
        try:
            return evidence_files.open_store(self.settings)
        except ValueError as error:
            raise WrongUse(str(error)) from error

    def read(self, use_case: Callable[..., T], **given: Any) -> T:
        return self.database.read(lambda uow: use_case(uow, **given), actor=system_actor(Door.CLI), now=_now())

    def write(self, use_case: Callable[..., T], **given: Any) -> T:
        return self.database.write(lambda uow: use_case(uow, **given), actor=system_actor(Door.CLI), now=_now())

    def missing_guards(self) -> list[str]:
        with self.database.reader.connect() as connection:
            return migrations.missing_triggers(connection)


@contextmanager
def _ready(*, guarded: bool = True) -> Iterator[_Waymark]:
    """The installation that the settings name, at the newest migration and, unless it is to be judged, with its guards.

    Raises WrongUse with the command to run.
    """
    settings = load_settings()
    _require_there(settings)
    with _opened(settings) as waymark:
        with waymark.database.reader.connect() as connection:
            current, head = migrations.current_and_head(connection)
            problems = list(database_problems(connection)) if guarded or current != head else []
        if problems:
            raise WrongUse(" ".join(problems))
        yield waymark


@contextmanager
def _opened(settings: Settings) -> Iterator[_Waymark]:
    database = Database(settings.database)
    try:
        yield _Waymark(settings, database)
    finally:
        database.dispose()


def _require_there(settings: Settings) -> None:
    """SQLite would make an empty file of a mistyped folder."""
    file = _sqlite_file(settings)
    if file is not None and not file.exists():
        raise WrongUse(f"There is no database at {file}. Run: waymark init")


def _sqlite_file(settings: Settings) -> Path | None:
    url = make_url(settings.database)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def _migrate(settings: Settings) -> None:
    file = _sqlite_file(settings)
    if file is not None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    migrations.upgrade(settings.database)
    with _opened(settings) as waymark:
        missing = waymark.missing_guards()
        if missing:
            with waymark.database.writer.begin() as connection:
                triggers.drop_all(connection)
                triggers.create_all(connection)
            _tell(f"Guards were missing and are back: {'; '.join(missing)}. Run: waymark audit verify")


def _load_demo(waymark: _Waymark) -> None:
    if waymark.read(people.list_organisations):
        _tell("The database holds data already and keeps it: no demo was loaded.")
        return
    _tell("Loading the Haringey demo.")
    with _progress() as progress:
        credentials = seeds.load_demo(
            waymark.database,
            waymark.storage,
            folder=seeds.demo_folder(),
            now=_now(),
            progress=lambda done, steps: progress("Haringey demo", done, steps),
        )
    path = waymark.settings.data / CREDENTIALS
    seeds.keep_credentials(path, seeds.credentials_text(credentials, origin=waymark.settings.public_origin))
    _tell("The Haringey demo is loaded. Who can sign in, and a partner's key:")
    print(path)


def _run_server(settings: Settings) -> None:
    import uvicorn

    listening = _listen(settings.host, settings.port)
    port = listening.getsockname()[1]
    at = f"http://127.0.0.1:{port}" if settings.origin_is_loopback else settings.public_origin
    _tell(f"Waymark is at {at}. Stop it with Ctrl-C.")
    config = uvicorn.Config(
        _SERVER,
        factory=True,
        proxy_headers=False,  # app.doors.middleware believes WAYMARK_TRUSTED_PROXIES, and nobody else
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    with suppress(KeyboardInterrupt):  # uvicorn hands the interruption on, or not, when it comes early
        uvicorn.Server(config).run(sockets=[listening])
    _tell("Waymark has stopped.")


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        why = str(error.strerror).partition(" (while")[0]  # what follows is the address again
        raise WrongUse(f"Waymark cannot listen on {host} port {port}: {why}. Choose another with --port") from error


def _anchors(file: Path) -> tuple[dict[str, dict[int, str]], list[Any]]:
    try:
        with file.open(encoding="utf-8") as lines:
            heads, faults = recorded_heads(lines)
    except (OSError, ValueError) as error:
        raise WrongUse(f"{file} cannot be read as lines of `waymark audit heads`: {_first_line(error)}") from error
    if not heads:
        raise WrongUse(f"{file} holds no line of `waymark audit heads`")
    return heads, faults


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int | None], None]]:
    """A bar for each thing that is done, on a terminal; elsewhere nothing."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        started: dict[str, Any] = {}

        def show(what: str, done: int, of: int | None) -> None:
            if what not in started:
                started[what] = bars.add_task(what, total=of)
            bars.update(started[what], completed=done, total=of)

        yield show


def _print_invitation(settings: Settings, invited: people.Invited) -> None:
    _tell(f"{invited.email} sets a password here, once, until {_moment(invited.expires_at)}:")
    print(f"{settings.public_origin}/invitations/{invited.token}")


def _print_secret(what: str, issued: keys.Issued) -> None:
    _tell(f"{what}, until {_moment(issued.expires_at)}. It is shown this once:")
    print(issued.secret)


def _tell(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _stop(sentence: str, status: int) -> int:
    said = " ".join(sentence.split())
    if said:
        _tell(said if said.endswith((".", "?", "!")) else f"{said}.")
    return status


def _refusal(refused: Refused) -> str:
    hint = ' Run: waymark setting set front_door "…"' if "front_door_missing" in refused.codes else ""
    return f"{refused.message}{hint}"


def _first_line(said: object) -> str:
    return next(iter(str(said).strip().splitlines()), "no reason given")


def _shown(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _moment(moment: datetime) -> str:
    return f"{clock_time(moment)} on {long_date(london_day(moment))}"


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    main()
