"""Mail that no human wrote to the user: reports, automatic replies, lists, newsletters. Told by its headers alone, each function
with its reason in words, or an empty text."""

from __future__ import annotations

from mailbot.language.pattern import Pattern
from mailbot.mail.mail import Mail
from mailbot.mail.message import Address, Message
from mailbot.mail.robot import is_robot

_LIST_HEADERS = (
    "list-id",
    "list-post",
    "mailing-list",
    "x-mailing-list",
    "x-mailman-version",
    "x-beenthere",
    "x-ml-name",
    "newsgroups",
)
_AUTO_SUBJECT = Pattern(r"^\W*{{reply.automatic}}")
_AUTOMATIC_HEADERS = ("x-autoreply", "x-autorespond", "x-autoresponder")


def report(message: Message) -> str:
    """A delivery report, or a mail of the mail system itself (RFC 3464, RFC 5321 4.5.5)."""
    declared = message.header("content-type").casefold()
    if message.content_type == "multipart/report" or declared.startswith("multipart/report"):
        return "A delivery report (RFC 3464)"
    if message.headers.get("return-path", ("?",))[0].strip() == "<>":
        return "A delivery report: its return path is empty"
    local = message.sender.email.rpartition("@")[0] if message.sender else ""
    return "Sent by the mail system itself" if local.casefold() in ("mailer-daemon", "postmaster") else ""


def sent_by_program(mail: Mail) -> str:
    """An automatic answer or notice (RFC 3834), by its headers, or by a subject that such mails have."""
    message = mail.message
    auto = message.header("auto-submitted").split(";")[0].strip().casefold()
    if auto and auto != "no":
        return f"Sent by a program (Auto-Submitted: {auto})"
    if any(message.header(h) for h in _AUTOMATIC_HEADERS) or _precedence(message) == "auto_reply":
        return "An automatic reply"
    if looks_automatic(message.subject) and not mail.text.newest.strip().endswith("?"):
        return "Its subject looks like an automatic reply"
    return ""


def looks_automatic(subject: str) -> bool:
    """Whether a subject begins as those of automatic replies and delivery reports do."""
    return bool(_AUTO_SUBJECT.match(subject))


def unread_address(sender: Address) -> str:
    """The local part of an address that nobody reads."""
    return sender.email.rpartition("@")[0] if is_robot(sender) else ""


def list_or_bulk(message: Message) -> str:
    """Mail of a list (RFC 2369, RFC 2919) or other bulk mail; a reason only where it is not addressed to the user."""
    if any(message.header(h) for h in _LIST_HEADERS):
        return "From a mailing list, not addressed to you"
    return "Bulk mail" if _precedence(message) in ("bulk", "list", "junk") else ""


def newsletter(message: Message) -> str:
    """Mail that one can unsubscribe from and that answers nothing."""
    marked = message.header("list-unsubscribe") or message.header("feedback-id")
    if (marked or _precedence(message) in ("bulk", "junk")) and not message.in_reply_to:
        return "A newsletter or notification (List-Unsubscribe)"
    return ""


def _precedence(message: Message) -> str:
    return message.header("precedence").strip().casefold()
