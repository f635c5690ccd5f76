"""Whether the sender of a mail is somebody: a human who could be written to, not a robot, a list, a role or a service."""

from __future__ import annotations

import re

from mailbot.mail.message import Address, Message

_ROBOT = re.compile(
    r"^(?:no|not|non|do-?not|donot|ne|nicht)[-_.+]?(?:reply|answer|respond|response|repondre|antworten|respuesta)|noreply|no-reply|donotreply|do-not-reply"
    r"|^(?:mailer-daemon|postmaster|bounce[sd]?|bounce[-+_.]|owner-|.*-owner$|.*-bounces$|.*-request$|majordomo|listserv|nobody|daemon|www-data|root|cron"
    r"|notification[s]?|notify|notifier|alert[s]?|automated|auto-?(?:reply|confirm|mailer)|newsletter[s]?|news|marketing|promotion[s]?|promo|offers|deals|mailing|updates?)(?:[-+_.].*)?$",
    re.IGNORECASE,
)
_ROLE = re.compile(
    r"^(?:info|support|help|helpdesk|service|services|sales|billing|invoices?|accounts?|office|contact|kontakt|hello|hi|team|admin|administrator|webmaster"
    r"|hr|jobs|careers|press|media|legal|security|abuse|privacy|feedback|orders?|shop|store|booking|reservations?|events?|calendar|invitations?|reception"
    r"|jira|confluence|github|gitlab|bitbucket|slack|zoom|teams|linkedin|facebook|twitter|messages?|members?|digest|bot|robot|system|list|lists|all|everyone)(?:[-+_.].*)?$",
    re.IGNORECASE,
)
_VIA = re.compile(r"\b(?:via|through)\s+\S|\((?:via|on)\s", re.IGNORECASE)


_MAIL_FOR_ALL = frozenset(
    ("gmail googlemail outlook hotmail live msn yahoo ymail icloud me mac gmx web t-online freenet arcor proton protonmail pm aol mail yandex ya bk"
     " inbox list rambler qq 163 126 sina naver daum hanmail orange wanadoo free sfr laposte libero virgilio tiscali bluewin telenet skynet ziggo kpnmail"
     " xs4all btinternet comcast verizon att sbcglobal cox fastmail mailbox posteo zoho hey tutanota tuta wp o2 onet interia seznam uol bol terra").split()
)  # fmt: skip


def is_for_all(domain: str) -> bool:
    """Whether anybody may have an address at a domain: two of one name there need not be one."""
    labels = domain.casefold().split(".")
    return labels[0] in _MAIL_FOR_ALL or labels[-2:-1] == ["yahoo"]


def is_robot(address: Address) -> bool:
    """Whether nobody reads what is written to this address, by its local part (RFC 2142, RFC 3834 and custom)."""
    return bool(_ROBOT.search(address.email.rpartition("@")[0]))


def why_nobody(address: Address | None) -> str:
    """Why an address with its display name is nobody's in particular; empty where it may be a person's."""
    if address is None or "@" not in address.email:
        return "it has no address"
    if is_robot(address):
        return "nobody reads answers to that address"
    if _ROLE.match(address.email.rpartition("@")[0]):
        return "the address is a role's or a service's, not a person's"
    if _VIA.search(address.name):
        return "a service wrote in that name (“via”)"
    if not full_name(address):
        return "no name stands with the address"
    return ""


def why_no_person(message: Message) -> str:
    """Why the sender of a mail gets no person note, by its headers; empty where they may."""
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
        return "answers to it go elsewhere than to its sender"
    return why_nobody(sender)


def full_name(address: Address) -> str:
    """A person's name as it is said, `Ana Ruiz`: from the display name, or from an address like ana.ruiz@; else empty."""
    name = re.sub(r"\s+", " ", address.name[:200]).strip(" \"'")
    name = re.sub(r"\s*[(\[].*?[)\]]\s*", " ", name).strip()
    if "@" in name:
        name = ""
    if match := re.fullmatch(r"([^,]+), ?([^,]+)", name):
        name = f"{match[2]} {match[1]}"
    if name:
        return (
            name
            if re.search(r"[^\W\d_]", name) and len(name) <= 60 and not re.search(r"[<>|{}\[\]/\\#^]", name)
            else ""
        )
    local = address.email.rpartition("@")[0]
    parts = re.split(r"[._-]", local)
    plain = len(parts) > 1 and all(re.fullmatch(r"[^\W\d_]{2,20}", part) for part in parts)
    return " ".join(part.capitalize() for part in parts) if plain else ""
