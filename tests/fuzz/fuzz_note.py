"""Coverage-guided fuzzing of mail -> note, by hand: pip install atheris, then

    python -m tests.fuzz.fuzz_note CORPUS_FOLDER -max_total_time=1800 -timeout=10

Fails where a mail crashes or hangs, where a note cannot be read back, or where its bytes are not UTF-8. A find becomes a
fixture or a case in tests/.
"""

from __future__ import annotations

import logging
import sys

import atheris

with atheris.instrument_imports(include=["mailbot"]):
    from mailbot.assistant.triage import Circumstances, detected, facts
    from mailbot.mail.mime.parse import parse
    from mailbot.mail.text.split import split
    from mailbot.vault import note as notes
    from mailbot.vault.email_note import Filing, Verdict, to_note

logging.disable(logging.CRITICAL)


def one(data: bytes) -> None:
    message = parse(data)
    reply = split(message)
    triage = facts(message, reply, Circumstances()) or detected(reply)
    email = to_note(message, reply, Filing(), Verdict(triage.disposition, triage.decided_by, triage.reason))
    text = notes.write(email.note)
    text.encode("utf-8")
    assert notes.read(text) == email.note
    assert all(".." not in path.split("/") and not path.startswith("/") for path in email.files)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
