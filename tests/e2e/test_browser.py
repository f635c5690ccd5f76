"""Hostile notes in a real browser: rendered by a permissive Markdown renderer with HTML switched on, nothing leaves the
page, nothing runs (invariant 11)."""

from __future__ import annotations

import html
import os
import re
import shutil
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from markdown import markdown as classic
from markdown_it import MarkdownIt

from mailbot.mail.mail import Mail
from mailbot.mail.mime.parse import parse
from mailbot.mail.text.split import split
from mailbot.vault import note as notes
from mailbot.vault.email_note import Filing, to_note
from mailbot.vault.verdict import Verdict
from tests.conftest import ROOT

pytestmark = pytest.mark.browser

CORPUS = Path(os.environ.get("MAILBOT_CORPUS", ROOT.parent / "shared" / "corpus"))
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-extensions", "--virtual-time-budget=4000"]  # fmt: skip


@contextmanager
def recording_proxy() -> Iterator[tuple[int, list[str]]]:
    """A proxy that writes down every request the browser makes, loopback too, and answers none of them."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_POST = do_HEAD = do_CONNECT = do_GET  # noqa: N815 - the names that the library looks for

        def log_message(self, *arguments: object) -> None:
            pass

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server.server_address[1], asked
        server.shutdown()
        thread.join(5)


def visit(body: str, folder: Path) -> tuple[list[str], str]:
    """(the requests a page makes, its DOM after it has run)."""
    chromium = shutil.which("chromium")
    assert chromium, (
        "Chromium is not installed: `make test` installs it; `make test-offline` leaves this test out"
    )
    page = folder / "page.html"
    watch = "window.alert=window.confirm=window.prompt=function(){document.documentElement.setAttribute('data-ran','1')}"
    page.write_text(
        f"<!doctype html><meta charset=utf-8><script>{watch}</script><body>{body}</body>",
        encoding="utf-8",
        errors="replace",
    )
    with recording_proxy() as (port, asked):
        command = [chromium, *FLAGS, f"--proxy-server=127.0.0.1:{port}", "--proxy-bypass-list=<-loopback>",
                   f"--user-data-dir={folder / 'profile'}", "--dump-dom", page.as_uri()]  # fmt: skip
        done = subprocess.run(command, capture_output=True, timeout=120)
    own = ("google", "gstatic", "chrome", "localhost:0")
    return [a for a in asked if not any(word in a for word in own)], done.stdout.decode("utf-8", "replace")


def ran(dom: str) -> bool:
    """Whether a script of the page opened a dialog."""
    return bool(re.search(r"<html[^>]* data-ran=", dom))


def rendered(markdown: str) -> str:
    """The body of a note as HTML, by two renderers that let everything through: one of CommonMark, one of the older dialect, to
    which a backslash before `<` means nothing."""
    body = notes.read(markdown).body
    renderer = MarkdownIt("gfm-like", {"html": True, "linkify": False, "breaks": True})
    renderer.validateLink = lambda _url: True  # type: ignore[method-assign]
    return f"<section>{renderer.render(body)}<hr>{classic(body)}</section>"


def quiet(pages: dict[str, str], tmp_path: Path) -> None:
    asked, dom = visit(
        "".join(f"<h6>{html.escape(name)}</h6>{page}" for name, page in pages.items()), tmp_path
    )
    assert asked == []
    assert not ran(dom)
    assert dom.count("<section>") == len(pages), "the page was not read to its end"
    assert "<section></section>" not in dom


def test_the_watch_sees_what_is_alive(tmp_path: Path) -> None:
    """Without this, the tests below could not fail."""
    live = "<section><img src='http://127.0.0.1:8099/beacon/1'><img src=x onerror='alert(1)'></section>"
    asked, dom = visit(live, tmp_path)
    assert any("beacon/1" in a for a in asked)
    assert ran(dom)


def test_hostile_notes_are_quiet(tmp_path: Path) -> None:
    files = sorted((ROOT / "fixtures" / "eml" / "hostile").glob("*.md"))
    assert len(files) >= 18
    # A picture that came with the mail is shown from the vault: here, from no file at all.
    pages = {
        f.name: rendered(f.read_text(encoding="utf-8")).replace('<img src="2026', '<img data-own="2026')
        for f in files
    }
    quiet(pages, tmp_path)


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"the corpus is not at {CORPUS}; set MAILBOT_CORPUS")
def test_spam_and_phishing_are_quiet(tmp_path: Path) -> None:
    pages = {}
    for path in [
        *sorted(CORPUS.glob("mime/spamassassin-spam/*.eml")),
        *sorted(CORPUS.glob("mime/mail-parser/*")),
    ]:
        if path.is_file():
            message = parse(path.read_bytes())
            note = notes.write(to_note(Mail(message, split(message)), Filing(), Verdict()).note)
            pages[path.name] = (
                rendered(note).replace('<img src="', '<img data-own="')
                if "_files/" in note
                else rendered(note)
            )
    quiet(pages, tmp_path)
