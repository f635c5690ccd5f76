"""Delivery reports: which mail of ours did not arrive where, and why (RFC 3464)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailbot.mail.message import Message, MessageId, Text


@dataclass(frozen=True, slots=True)
class Failed:
    """One recipient of a report: `action` is failed, delayed, delivered, relayed or expanded."""

    recipient: str
    action: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a report says, and the mail of ours it is about, as far as it names one."""

    recipients: tuple[Failed, ...]
    subject: str = ""
    message_id: MessageId | None = None


_FIELD = re.compile(r"^([A-Za-z-]+):[ \t]*(.*(?:\n[ \t]+.*)*)", re.MULTILINE)


def report(message: Message) -> Report | None:
    """The report in a multipart/report, None if there is none that a machine could read."""
    if message.content_type != "multipart/report":
        return None
    recipients: list[Failed] = []
    subject, message_id = "", None
    for shown in message.body:
        if isinstance(shown, Message):
            subject, message_id = shown.subject, shown.message_id
            continue
        if isinstance(shown, Text) and not shown.html and "final-recipient:" in shown.content.lower():
            for block in re.split(r"\n\s*\n", shown.content):
                fields = {name.lower(): " ".join(value.split()) for name, value in _FIELD.findall(block)}
                if "final-recipient" in fields:
                    address = fields.get("original-recipient") or fields["final-recipient"]
                    recipients.append(
                        Failed(
                            address.partition(";")[2].strip() or address,
                            fields.get("action", "").lower(),
                            fields.get("status", ""),
                            fields.get("diagnostic-code", "").partition(";")[2].strip(),
                        )
                    )
    return Report(tuple(recipients), subject, message_id) if recipients else None
