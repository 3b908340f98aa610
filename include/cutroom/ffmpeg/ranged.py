"""A source that ffprobe reads piece by piece from the process that started it, over HTTP.

It opens files and addresses, and can't ask through a socket as our own tools do (`served`). Its whole network is the
one listener that is made for it (`confine`), and what it gets are bytes that were verified.
"""

import io
import re
import secrets
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, BinaryIO

from cutroom.errors import CutroomError, EncoderKilled
from cutroom.ffmpeg.confine import PORT

SENT_BYTES = 2**18
"""How much is sent at a time, and may wait to be taken: what ffprobe does not need was fetched in vain."""

OPTIONS = ("-protocol_whitelist", "http,tcp", "-http_proxy", "none")
"""How ffprobe reads it, and nothing else. What is no address takes the place of a proxy that the environment names."""

PIECE_BYTES = 4 * 2**20
MOST_PIECES = 32
"""How often the tool may go on to another piece of the file; each may have to be fetched."""

_RANGE = re.compile(r"bytes=(\d+)-")


class ReadAllOver(CutroomError):
    """The tool would read the file in more places than are worth to be fetched for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranged:
    """A source as an argument of ffprobe."""

    url: str
    door: int
    """What `runner.run` hands the tool."""

    @staticmethod
    def hold_read(said: str) -> None:
        """Raise `EncoderKilled` where the tool says in its log that it did not get what it asked for."""
        if _COMPLAINT in said:
            raise EncoderKilled(f"The tool could not read its source.\n{said.strip()}")


_COMPLAINT = "[http @"
"""How ffprobe's words on its input begin. It may go on without what it did not get, and describe half a file."""


@contextmanager
def ranged(file: BinaryIO) -> Iterator[Ranged]:
    """Let one tool that is started inside the block read the file.

    What the reading raised is raised in place of the tool's own failure, and `ReadAllOver` where there was too much of
    it.
    """
    ours, theirs = socket.socketpair()
    answers = _Answers(file)
    answering = threading.Thread(target=_answer, args=(ours, answers), name="ranged", daemon=True)
    answering.start()
    try:
        yield Ranged(url=f"http://127.0.0.1:{PORT}{answers.path}", door=theirs.fileno())
    except CutroomError as error:
        if answers.failed:
            raise answers.failed[0] from error
        if not answers.was_asked:
            raise EncoderKilled(f"The tool did not reach its source.\n{error}") from error
        raise
    finally:
        theirs.close()
        answering.join()
        ours.close()
    if answers.failed:
        raise answers.failed[0]


class _Answers:
    """What connections have in common."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._turn = file, threading.Lock()
        self.size = file.seek(0, io.SEEK_END)
        # Where there is no network of the tool's own, others of this machine can reach the listener.
        self.path = f"/{secrets.token_hex(16)}"
        self.was_asked = False
        self.failed: list[Exception] = []
        self._piece, self._pieces = -1, 0

    def read(self, place: int, count: int) -> bytes:
        """Up to so many bytes; none, where the file could not be read."""
        with self._turn:
            if self.failed:
                return b""
            self._pieces += place // PIECE_BYTES != self._piece
            self._piece = place // PIECE_BYTES
            try:
                if self._pieces > MOST_PIECES:
                    raise ReadAllOver(f"The tool reads more than {MOST_PIECES} pieces of the file.")  # noqa: TRY301
                self._file.seek(place)
                return self._file.read(count)
            except Exception as error:  # noqa: BLE001 - it is raised where the tool was started
                self.failed.append(error)
                return b""


def _answer(ours: socket.socket, answers: _Answers) -> None:
    """Answer from when the tool hands its listener out until the other end is closed."""
    _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
    if not descriptors:
        return
    conversations = []
    with socket.socket(fileno=descriptors[0]) as listener, selectors.DefaultSelector() as waiting:
        for one in (ours, listener):
            waiting.register(one, selectors.EVENT_READ)
        while all(key.fileobj is listener for key, _ in waiting.select()):
            connection, address = listener.accept()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENT_BYTES)
            # It opens a second one before it lets go of the first.
            conversation = threading.Thread(
                target=_converse, args=(connection, address, answers), name="ranged", daemon=True
            )
            conversation.start()
            conversations.append(conversation)
    for conversation in conversations:
        conversation.join()


def _converse(connection: socket.socket, address: object, answers: _Answers) -> None:
    with connection:
        try:
            _Conversation(connection, address, answers)  # type: ignore[arg-type]  # it only hands them on
        except ConnectionError:
            return  # the tool has what it needs


class _Conversation(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Any

    def do_GET(self) -> None:
        answers: _Answers = self.server
        asked = _RANGE.fullmatch(self.headers.get("Range", ""))
        if self.path != answers.path or asked is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        answers.was_asked = True
        begin = int(asked[1])
        if begin >= answers.size:
            self.send_error(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            return
        self.send_response(HTTPStatus.PARTIAL_CONTENT)
        # No type: it would count when the tool finds out what the file is.
        self.send_header("Content-Range", f"bytes {begin}-{answers.size - 1}/{answers.size}")
        self.send_header("Content-Length", str(answers.size - begin))
        # A connection that stays would have to be emptied before the tool can read elsewhere.
        self.send_header("Connection", "close")
        self.end_headers()
        while data := answers.read(begin, SENT_BYTES):
            self.wfile.write(data)
            begin += len(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
