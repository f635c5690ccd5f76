"""What a signature says of its author: role, company, phone. Only what is certain; a guess would stand in a note for years."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailbot.language.pattern import Pattern
from mailbot.mail.message import Address

_PHONE = Pattern(r"(?:\b{{reply.telephone}}\b[.:：\s]{1,3}|(?=\+))(\+?\d[\d ()/.\-\u00a0]{6,18}\d)")
_FAX = Pattern(r"\b{{reply.fax}}")
_ROLE = Pattern(r"\b{{reply.role}}\b")
_COMPANY = Pattern(r"\b{{reply.company}}\b\.?(?:\s|$|,)|{{reply.company_joined}}")
_PARTS = Pattern(r"\s*[|·•–—]\s*|\s+-\s+|,\s+|\s+{{reply.at}}\s+")


@dataclass(frozen=True, slots=True)
class Details:
    """What was found; an empty text for what was not."""

    role: str = ""
    company: str = ""
    phone: str = ""

    def __bool__(self) -> bool:
        return bool(self.role or self.company or self.phone)


def details(signature: str, author: Address, name: str) -> Details:
    """Read a signature block of `author`, who is called `name`.

    Role and company count only from the few lines at the author's own name, or where the company is that of the address.
    """
    lines = [re.sub(r"\s+", " ", line[:300]).strip(" *_>|-") for line in signature.split("\n")]
    lines = [line for line in lines if line and len(line) <= 90][:15]
    words = {w.casefold() for w in re.findall(r"\w{2,}", name)}
    at = next(
        (
            n
            for n, line in enumerate(lines)
            if len(words & set(re.findall(r"\w+", line.casefold()))) >= min(2, len(words)) and words
        ),
        None,
    )
    if at is None:
        return Details()
    role = company = ""
    domain = author.domain.split(".")[0]
    for line in lines[at : at + 5]:
        for part in _PARTS.compiled.split(line):
            own = words & set(re.findall(r"\w+", part.casefold()))
            if len(part) > 60 or "@" in part or "://" in part or len(own) > 1:
                continue
            folded = re.sub(r"\W", "", part.casefold())
            if not role and _ROLE.search(part):
                role = part
            elif not company and (
                _COMPANY.search(part) or (len(domain) > 2 and folded.startswith(domain.replace("-", "")))
            ):
                company = part
    phone = next(
        (m[1].strip() for line in lines[at:] if not _FAX.search(line) and (m := _PHONE.search(line))),
        "",
    )
    return Details(role, company, phone if 7 <= len(re.sub(r"\D", "", phone)) <= 15 else "")
