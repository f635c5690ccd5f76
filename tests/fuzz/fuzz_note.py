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
    from mailbot.mail.mail import read_mail
    from mailbot.sync.decide.disposition import Circumstances, disposition
    from mailbot.vault import note as notes
    from mailbot.vault.email_note import Filing, to_note

logging.disable(logging.CRITICAL)


def one(data: bytes) -> None:
    mail = read_mail(data)
    email = to_note(mail, Filing(), disposition(mail, Circumstances()))
    text = notes.write(email.note)
    text.encode("utf-8")
    assert notes.read(text) == email.note
    assert all(".." not in path.split("/") and not path.startswith("/") for path in email.files)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
