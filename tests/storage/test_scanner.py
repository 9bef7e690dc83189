"""The virus scanner, asked over its socket: a real clamd."""

import socket
import threading
from collections.abc import Iterator

import pytest

from app.scanner import NotScanned, Scanner, ScannerAway
from tests.clamd import EICAR, FOUND, LARGEST, Daemon
from tests.storage import samples


@pytest.fixture(params=["socket_url", "tcp_url"])
def scanner(request: pytest.FixtureRequest, clamd_daemon: Daemon) -> Scanner:
    return Scanner(getattr(clamd_daemon, request.param))


def test_a_clean_file_is_clean(scanner: Scanner) -> None:
    assert scanner.scan([samples.PDF, b"and more"]) == ""
    assert scanner.scan([]) == ""


def test_what_is_known_is_found_by_its_name(scanner: Scanner) -> None:
    assert scanner.scan([EICAR]) == FOUND
    assert scanner.scan([EICAR[:20], EICAR[20:]]) == FOUND, "in whatever pieces it arrives"


def test_what_is_known_is_found_inside_a_document(scanner: Scanner) -> None:
    assert scanner.scan([samples.ooxml("docx", more={"word/media/image1.bin": EICAR})]) == FOUND


def test_a_file_over_the_scanners_limit_is_not_called_clean(scanner: Scanner) -> None:
    with pytest.raises(NotScanned, match="size limit exceeded"):
        scanner.scan([bytes(LARGEST), bytes(LARGEST)])


def test_a_scanner_that_is_not_there_is_away(nobody_listens: str) -> None:
    with pytest.raises(ScannerAway):
        Scanner(nobody_listens).scan([b"x"])
    with pytest.raises(ScannerAway):
        Scanner("tcp://127.0.0.1:9").scan([b"x"])


@pytest.fixture
def hangs_up() -> Iterator[str]:
    """Takes a connection, reads a little and closes it without a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def once() -> None:
            connection, _ = server.accept()
            connection.recv(10)
            connection.close()

        threading.Thread(target=once, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


def test_a_scanner_that_hangs_up_is_away_and_nothing_is_called_clean(hangs_up: str) -> None:
    with pytest.raises(ScannerAway):
        Scanner(hangs_up).scan([bytes(5_000_000)])


def test_what_goes_wrong_while_a_file_is_read_comes_through(scanner: Scanner) -> None:
    def breaking() -> Iterator[bytes]:
        yield b"first"
        raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        scanner.scan(breaking())
