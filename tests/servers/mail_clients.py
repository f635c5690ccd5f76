"""What mail clients do to a draft, as measured with the real ones: what they keep, what they lose, how they write a text anew.

Each works over an IMAP connection of its own, as the client does. `at` in a draft's text is never looked at: a test says what
the user types.
"""

from __future__ import annotations

import email
import email.policy
import itertools
import textwrap
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import formatdate

import imapclient

Edit = Callable[[str], str]
_NUMBER = itertools.count(1)


def text_of(raw: bytes) -> str:
    """The text of a draft, with `\\n`."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    body = message.get_body(("plain",))
    return str(body.get_content()).replace("\r\n", "\n") if body else ""


class MailClient:
    """A client with the habits that its class names. `edit` maps the text of the draft to what the user has made of it."""

    flags: tuple[bytes, ...] = (b"\\Draft", b"\\Seen")
    new_id = False
    loses: tuple[str, ...] = ()
    flowed = False
    wraps = False
    uses_trash = True
    keeps_copy_while_saving = False

    def __init__(self, client: imapclient.IMAPClient) -> None:
        self.imap = client

    def only_draft(self) -> tuple[int, bytes]:
        """(UID, bytes) of the newest draft."""
        self.imap.select_folder("Drafts")
        uid = max(self.imap.search(["UNDELETED"]))
        return uid, self.imap.fetch([uid], ["BODY.PEEK[]"])[uid][b"BODY[]"]

    def save(self, edit: Edit = lambda text: text, **headers: str) -> None:
        """Open the newest draft, change it, save it, close it."""
        uid, raw = self.only_draft()
        self.begin_save(uid)
        self.imap.append("Drafts", self.rewritten(raw, edit, headers), flags=self.flags)
        self.end_save(uid)

    def begin_save(self, uid: int) -> None:
        pass

    def end_save(self, uid: int) -> None:
        self._expunge(uid)

    def send(self, edit: Edit = lambda text: text, **headers: str) -> None:
        """Open the newest draft, change it, send it: the copy goes to Sent and the draft away."""
        uid, raw = self.only_draft()
        self.imap.append("Sent", self.rewritten(raw, edit, headers), flags=(b"\\Seen",))
        self._expunge(uid)

    def delete(self) -> None:
        uid, _ = self.only_draft()
        if self.uses_trash:
            self.imap.copy([uid], "Trash")
        self._expunge(uid)

    def undelete(self) -> None:
        """Move the newest mail in Trash back."""
        self.imap.select_folder("Trash")
        uid = max(self.imap.search(["ALL"]))
        self.imap.copy([uid], "Drafts")
        self._expunge(uid)

    def rewritten(self, raw: bytes, edit: Edit, headers: dict[str, str]) -> bytes:
        old = email.message_from_bytes(raw, policy=email.policy.default)
        made = EmailMessage(policy=email.policy.SMTP)
        for name in ("From", "To", "Cc", "Subject", "In-Reply-To", "References"):
            value = headers.get(name.replace("-", "_"), old[name])
            if value and name not in self.loses:
                made[name] = str(value)
        made["Date"] = formatdate(localtime=True)
        changed = self.new_id or not old["Message-ID"]
        made["Message-ID"] = f"<client-{next(_NUMBER)}@client.example>" if changed else str(old["Message-ID"])
        made.set_content(self._text(edit(text_of(raw))), cte="8bit")
        if self.flowed:
            made.set_param("format", "flowed")
        return made.as_bytes()

    def _text(self, text: str) -> str:
        if self.flowed:
            lines = []
            for line in text.split("\n"):
                quoted = line.startswith(">")
                if quoted:
                    line = "> " + line.lstrip("> ") if line.strip("> ") else ">"
                elif line.startswith((" ", "From ")):
                    line = f" {line}"
                pieces = textwrap.wrap(line, 70, break_long_words=False, break_on_hyphens=False) or [""]
                marked = [p if n == 0 or not quoted else f"> {p}" for n, p in enumerate(pieces)]
                lines += [f"{p} " for p in marked[:-1]] + [
                    marked[-1] if marked[-1] == "-- " else marked[-1].rstrip()
                ]
            return "\n".join(lines)
        if self.wraps:
            wrapped = (textwrap.wrap(line, 72, break_long_words=False) or [""] for line in text.split("\n"))
            return "\n".join(piece for pieces in wrapped for piece in pieces)
        return text

    def _expunge(self, uid: int) -> None:
        self.imap.add_flags([uid], [b"\\Deleted"])
        self.imap.uid_expunge([uid])


class Roundcube(MailClient):
    """Message-ID kept, flags `\\Seen` only, foreign headers lost, flowed at 72 and requoted; deletes to Trash."""

    flags = (b"\\Seen",)
    flowed = True


class Thunderbird(MailClient):
    """A new Message-ID at every save, `\\Draft` only; sends with a new one too."""

    flags = (b"\\Draft",)
    new_id = True
    flowed = True


class AppleMail(MailClient):
    """A new Message-ID at every save, and the text as it was typed. (As it is reported: this one was not measured.)"""

    new_id = True


class Claws(MailClient):
    """In-Reply-To lost while it is a draft, References kept, wrapped hard at 72."""

    flags = (b"NonJunk",)
    loses = ("In-Reply-To",)
    wraps = True


class Neomutt(MailClient):
    """The draft is nowhere while the user writes; deleting marks only, and purges later."""

    uses_trash = False

    def recall(self) -> bytes:
        uid, raw = self.only_draft()
        self._expunge(uid)
        return raw

    def put_back(self, raw: bytes, edit: Edit = lambda text: text) -> None:
        self.imap.append("Drafts", self.rewritten(raw, edit, {}), flags=self.flags)

    def mark(self) -> None:
        uid, _ = self.only_draft()
        self.imap.add_flags([uid], [b"\\Deleted"])


class Aerc(MailClient):
    """Headers kept; the old copy stays until a dialog is answered: two drafts of one Message-ID. Deletes for good."""

    flags = (b"\\Seen",)
    uses_trash = False

    def end_save(self, uid: int) -> None:
        self.left = uid

    def answer_dialog(self) -> None:
        self.imap.select_folder("Drafts")
        self._expunge(self.left)
