"""Mail -> note, step by step, beside what the libraries under it cost alone.

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
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import html2text
import mailparser

from mailbot.mail.mail import Mail
from mailbot.mail.message import Message, Text
from mailbot.mail.mime.parse import parse
from mailbot.mail.text.split import split
from mailbot.vault import note as notes
from mailbot.vault.email_body import body_markdown
from mailbot.vault.email_note import Filing, to_note
from mailbot.vault.files import write_atomic
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
    parser.add_argument(
        "corpus", nargs="?", default=os.environ.get("MAILBOT_CORPUS", "../shared/corpus"), type=Path
    )
    parser.add_argument("--most", type=int, default=1000)
    parser.add_argument("--memory", choices=["one", "many", "big"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if arguments.memory:
        memory(arguments.memory, arguments.corpus, arguments.most)
        return
    raw = mails(arguments.corpus, arguments.most)
    if not raw:
        sys.exit(f"no .eml files below {arguments.corpus}; name a folder")
    parsed = [parse(r) for r in raw]
    replies = [split(m) for m in parsed]
    html = [b.content for m in parsed for b in m.body if isinstance(b, Text) and b.html]
    yardstick = best(lambda: [mailparser.parse_from_bytes(r) for r in raw])
    rows = [
        ("mail-parser alone", yardstick),
        (
            "standard library alone",
            best(lambda: [email.message_from_bytes(r, policy=email.policy.default) for r in raw]),
        ),
        (f"html2text alone ({len(html)} HTML parts)", best(lambda: [html2text.html2text(h) for h in html])),
        ("parse", best(lambda: [parse(r) for r in raw])),
        ("reply", best(lambda: [split(m) for m in parsed])),
        ("Markdown", best(lambda: [body_markdown(Mail(m, r)) for m, r in zip(parsed, replies, strict=True)])),
        (
            "properties and text",
            best(lambda: [converted(m) for m in parsed]) - best(lambda: [split(m) for m in parsed]),
        ),
        ("all: parse, reply, Markdown, text", best(lambda: [converted(parse(r)) for r in raw])),
    ]
    with tempfile.TemporaryDirectory() as folder:
        data = [converted(m).encode() for m in parsed]
        rows.append(
            (
                "write, with both fsyncs",
                best(lambda: [write_atomic(Path(folder) / f"{n}.md", d) for n, d in enumerate(data)]),
            )
        )
    print(f"{len(raw)} mails, {sum(map(len, raw)) / 1e6:.1f} MB\n")
    print(f"{'step':36} {'mails/s':>9} {'x mail-parser':>14}")
    for name, seconds in rows:
        print(f"{name:36} {len(raw) / seconds:9.0f} {seconds / yardstick:14.2f}")
    print("\npeak memory (maximum resident set, MB)")
    for kind, label in (
        ("one", "one mail"),
        ("many", "all mails, one after the other"),
        ("big", "a mail with a 60 MB attachment"),
    ):
        command = [
            sys.executable,
            "-m",
            "benchmarks.convert",
            str(arguments.corpus),
            "--most",
            str(arguments.most),
            "--memory",
            kind,
        ]
        print(
            f"{label:36} {subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip():>9}"
        )


def converted(message: Message) -> str:
    return notes.write(to_note(Mail(message, split(message)), Filing(), Verdict()).note)


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
        converted(parse(raw))
        after = peak()
        print(f"+{after - before:.0f} over {len(raw) / 1e6:.0f} MB read")
        return
    paths = sorted(corpus.rglob("*.eml"))[: 1 if kind == "one" else most]
    for path in paths:
        converted(parse(path.read_bytes()))
    print(f"{peak():.0f}")


if __name__ == "__main__":
    main()
