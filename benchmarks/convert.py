"""Mail -> note, step by step, beside what mail-parser costs alone.

    python -m benchmarks.convert [CORPUS] [--most N]

CORPUS is a folder of .eml files (default: $MAILBOT_CORPUS, else ../shared/corpus). Each step runs over the same mails in
this one process; times are the best of three rounds. Memory is measured in a fresh process each.
"""

from __future__ import annotations

import argparse
import email
import email.policy
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mailparser

from benchmarks.table import Ratio, corpus_folder, show
from mailbot.assistant.steering import attempts
from mailbot.mail.mail import Mail, read_mail
from mailbot.mail.mime.parse import parse
from mailbot.mail.text.split import split
from mailbot.sync.decide.disposition import Circumstances
from mailbot.sync.steps.convert import RawMail, convert
from mailbot.vault import note as notes
from mailbot.vault.email_body import body_markdown
from mailbot.vault.email_note import Filing, to_note
from mailbot.vault.verdict import Verdict

ROUNDS = 3


def mails(corpus: Path, most: int) -> list[bytes]:
    return [p.read_bytes() for p in sorted(corpus.rglob("*.eml"))[:most]]


def best(work: Callable[[], Any]) -> float:
    """Seconds of the fastest of a few rounds."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", nargs="?", default=None, type=Path)
    parser.add_argument("--most", type=int, default=1000)
    parser.add_argument("--memory", choices=["one", "many", "big"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    corpus = corpus_folder(arguments.corpus)
    if arguments.memory:
        memory(arguments.memory, corpus, arguments.most)
        return
    show("mail to note", ratios(corpus, arguments.most))


def ratios(corpus: Path, most: int = 1000) -> list[Ratio]:
    """Each step beside mail-parser."""
    raw = mails(corpus, most)
    parsed = [parse(r) for r in raw]
    read = [Mail(m, split(m)) for m in parsed]
    yardstick = best(lambda: [mailparser.parse_from_bytes(r) for r in raw])

    def row(what: str, work: Callable[[], object], aim: float | None = None) -> Ratio:
        return Ratio(what, best(work), yardstick, "mail-parser alone", aim)

    now = datetime.now(UTC)
    given = [
        RawMail(r, Filing("a", "INBOX", 1, 1), Circumstances(model=True), "Email", now, now) for r in raw
    ]
    steps = [
        row(f"all that is done to {len(raw)} mails", lambda: [convert(g) for g in given], 4.0),
        row("    parse", lambda: [parse(r) for r in raw]),
        row("    reply, history, signature", lambda: [split(m) for m in parsed]),
        row("    Markdown", lambda: [body_markdown(m) for m in read]),
        row("    attempts to steer a model", lambda: [attempts(m) for m in parsed]),
        row("    properties and text", lambda: [converted(m) for m in read]),
        row(
            "standard library alone",
            lambda: [email.message_from_bytes(r, policy=email.policy.default) for r in raw],
        ),
    ]
    kinds = (
        ("one", "memory: one mail"),
        ("many", "memory: all, one after the other"),
        ("big", "memory: a 60 MB mail"),
    )
    return [
        *steps,
        *(Ratio(name, _memory(kind, corpus, most), 150.0, "150 MB", 1.0, "MB") for kind, name in kinds),
    ]


def _memory(kind: str, corpus: Path, most: int) -> float:
    command = [sys.executable, "-m", "benchmarks.convert", str(corpus), "--most", str(most), "--memory", kind]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def converted(mail: Mail) -> str:
    return notes.write(to_note(mail, Filing(), Verdict()).note)


def peak() -> float:
    """This process's own peak, in MB (getrusage would count what the parent had before exec)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1000


def memory(kind: str, corpus: Path, most: int) -> None:
    import base64

    if kind == "big":
        blob = base64.encodebytes(os.urandom(44_000_000))
        head = b"From: a@b.c\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nhello\n--x\n"
        raw = (
            head
            + b"Content-Type: application/zip; name=a.zip\nContent-Transfer-Encoding: base64\n\n"
            + blob
            + b"--x--\n"
        )
        del blob
        Path("/proc/self/clear_refs").write_text("5")  # from here on the peak is counted anew
        before = peak()
        converted(read_mail(raw))
        print(f"{peak() - before:.0f}")
        return
    paths = sorted(corpus.rglob("*.eml"))[: 1 if kind == "one" else most]
    for path in paths:
        converted(read_mail(path.read_bytes()))
    print(f"{peak():.0f}")


if __name__ == "__main__":
    main()
