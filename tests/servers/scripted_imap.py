"""An IMAP server that answers as a test says: the only way to meet what one provider does."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable

Script = Callable[["Session", str, str, bytes], bool | None]


class Session:
    """One connection: `send` writes raw bytes, `ok` and `no` end a command, `drop` cuts the line."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.file = connection.makefile("rb")

    def send(self, text: str | bytes) -> None:
        self.connection.sendall(text if isinstance(text, bytes) else text.encode())

    def ok(self, tag: str, text: str = "done") -> bool:
        self.send(f"{tag} OK {text}\r\n")
        return True

    def no(self, tag: str, text: str) -> bool:
        self.send(f"{tag} NO {text}\r\n")
        return True

    def drop(self) -> bool:
        self.connection.shutdown(socket.SHUT_RDWR)
        raise ConnectionError


class ScriptedImap:
    """`script(session, tag, line, literal)` handles a command and returns True, or leaves it to the default.

    The default knows one mailbox, INBOX, and one, Drafts, both empty, and answers what any server answers. Every
    command line is kept in `commands`, every appended message in `appended`.
    """

    def __init__(
        self, script: Script | None = None, capabilities: str = "IMAP4rev1 UIDPLUS SPECIAL-USE"
    ) -> None:
        self.script, self.capabilities = script, capabilities
        self.commands: list[str] = []
        self.appended: list[bytes] = []
        self.listed = ['* LIST (\\HasNoChildren) "/" INBOX', '* LIST (\\HasNoChildren \\Drafts) "/" Drafts']
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.threads: list[threading.Thread] = []
        self.sessions: list[Session] = []

    def __enter__(self) -> ScriptedImap:
        self.threads.append(threading.Thread(target=self._accept, daemon=True))
        self.threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        # close() alone leaves a thread waiting in accept(); shutdown() wakes it
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for session in self.sessions:
            session.file.close()
            session.connection.close()
        for thread in self.threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            session = Session(connection)
            self.sessions.append(session)
            thread = threading.Thread(target=self._serve, args=(session,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _serve(self, session: Session) -> None:
        try:
            session.send(f"* OK [CAPABILITY {self.capabilities}] ready\r\n")
            while line := session.file.readline():
                text = line.decode("utf-8", "replace").rstrip("\r\n")
                literal = b""
                if size := re.search(r"\{(\d+)\+?\}$", text):
                    if not text.endswith("+}"):
                        session.send("+ go\r\n")
                    literal = session.file.read(int(size[1]))
                    session.file.readline()
                tag, _, command = text.partition(" ")
                self.commands.append(command)
                if command.upper().startswith("APPEND"):
                    self.appended.append(literal)
                if self.script and self.script(session, tag, command, literal):
                    continue
                if self._default(session, tag, command):
                    return
        except (ConnectionError, OSError, ValueError):
            return

    def _default(self, session: Session, tag: str, command: str) -> bool:
        verb = command.upper()
        if verb.startswith("CAPABILITY"):
            session.send(f"* CAPABILITY {self.capabilities}\r\n")
        elif verb.startswith("LIST"):
            session.send("".join(f"{line}\r\n" for line in self.listed))
        elif verb.startswith(("EXAMINE", "SELECT")):
            session.send("* 0 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 1] ok\r\n")
        elif verb.startswith("UID SEARCH"):
            session.send("* SEARCH\r\n")
        elif verb.startswith("LOGOUT"):
            session.send(f"* BYE\r\n{tag} OK bye\r\n")
            return True
        session.ok(tag)
        return False


def fetched(number: int, uid: int, raw: bytes, *, item: str = "BODY[]", flags: str = "") -> bytes:
    """An untagged FETCH answer that carries a literal."""
    return (
        f"* {number} FETCH (UID {uid} FLAGS ({flags}) RFC822.SIZE {len(raw)} {item} {{{len(raw)}}}\r\n".encode()
        + raw
        + b")\r\n"
    )
