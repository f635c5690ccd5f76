"""Who gets a person note: a human who could be written to, not a robot, a list, a role or a service."""

from __future__ import annotations

import re

from mailbot.mail.display_name import full_name
from mailbot.mail.message import Address, Message
from mailbot.mail.robot import is_robot

_ROLES = (
    "info support help helpdesk service services sales billing invoices? accounts? office contact kontakt hello hi team admin"
    " administrator webmaster hr jobs careers press media legal security abuse privacy feedback orders? shop store booking"
    " reservations? events? calendar invitations? reception jira confluence github gitlab bitbucket slack zoom teams linkedin"
    " facebook twitter messages? members? digest bot robot system list lists all everyone"
).split()
_ROLE = re.compile(rf"^(?:{'|'.join(_ROLES)})(?:[-+_.].*)?$", re.IGNORECASE)
_VIA = re.compile(r"\b(?:via|through)\s+\S|\((?:via|on)\s", re.IGNORECASE)


def why_nobody(address: Address | None) -> str:
    """Why an address does not belong to one person; empty if it may."""
    if address is None or "@" not in address.email:
        return "it has no address"
    if is_robot(address):
        return "nobody reads answers to that address"
    if _ROLE.match(address.email.rpartition("@")[0]):
        return "the address is a role's or a service's, not a person's"
    if _VIA.search(address.name):
        return "a service sent it in that name (“via”)"
    if not full_name(address):
        return "the address comes without a name"
    return ""


def why_no_person(message: Message) -> str:
    """Why the sender of a mail gets no person note, by its headers; empty if they may."""
    if message.header("list-id") or message.header("list-post"):
        return "it came through a mailing list"
    auto = message.header("auto-submitted").split(";")[0].strip().casefold()
    if auto and auto != "no":
        return "a program sent it"
    if message.header("precedence").strip().casefold() in ("bulk", "junk", "list", "auto_reply"):
        return "it is bulk mail"
    if message.header("list-unsubscribe") or message.header("feedback-id"):
        return "it is a newsletter or a notification"
    if message.content_type == "multipart/report":
        return "it is a delivery report"
    sender = message.sender
    if sender and any(a.domain != sender.domain for a in message.reply_to) and not message.in_reply_to:
        return "replies to it go to another address than the sender's"
    return why_nobody(sender)
