"""Mail providers where anybody may have an address."""

from __future__ import annotations

_MAIL_FOR_ALL = frozenset(
    ("gmail googlemail outlook hotmail live msn yahoo ymail icloud me mac gmx web t-online freenet arcor proton protonmail pm aol mail yandex ya bk"
     " inbox list rambler qq 163 126 sina naver daum hanmail orange wanadoo free sfr laposte libero virgilio tiscali bluewin telenet skynet ziggo kpnmail"
     " xs4all btinternet comcast verizon att sbcglobal cox fastmail mailbox posteo zoho hey tutanota tuta wp o2 onet interia seznam uol bol terra").split()
)  # fmt: skip


def is_for_all(domain: str) -> bool:
    """Whether anybody may have an address at a domain: two of one name there need not be one."""
    labels = domain.casefold().split(".")
    return labels[0] in _MAIL_FOR_ALL or labels[-2:-1] == ["yahoo"]
