"""Which mailbox is Drafts, Sent or Trash: what LIST says (RFC 6154), compared without case, else an exact known name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

SpecialUse = Literal["drafts", "sent", "trash"]

# The names that servers and clients create, in the languages that their users have them in.
_NAMES: dict[SpecialUse, tuple[str, ...]] = {
    "drafts": ("Drafts", "Draft", "[Gmail]/Drafts", "[Google Mail]/Drafts", "Entwürfe", "[Gmail]/Entwürfe", "Brouillons",
               "[Gmail]/Brouillons", "Borradores", "[Gmail]/Borradores", "Bozze", "[Gmail]/Bozze", "Rascunhos", "[Gmail]/Rascunhos",
               "Concepten", "[Gmail]/Concepten", "Utkast", "Kladder", "Luonnokset", "Wersje robocze", "Kopie robocze", "Szkice",
               "Черновики", "[Gmail]/Черновики", "Koncepty", "Piszkozatok", "Taslaklar", "下書き", "[Gmail]/下書き", "草稿",
               "草稿箱", "임시 보관함"),
    "sent": ("Sent", "Sent Items", "Sent Messages", "Sent Mail", "[Gmail]/Sent Mail", "[Google Mail]/Sent Mail", "Gesendet",
             "Gesendete Elemente", "Gesendete Objekte", "[Gmail]/Gesendet", "Envoyés", "Messages envoyés", "Éléments envoyés",
             "[Gmail]/Messages envoyés", "Enviados", "Elementos enviados", "[Gmail]/Enviados", "Inviata", "Posta inviata",
             "[Gmail]/Posta inviata", "Itens Enviados", "Verzonden", "Verzonden items", "Skickat", "Sendt", "Lähetetyt", "Wysłane",
             "Elementy wysłane", "Отправленные", "[Gmail]/Отправленные", "送信済みアイテム", "送信済みメール", "已发送",
             "已发送邮件", "寄件備份", "보낸 편지함"),
    "trash": ("Trash", "Deleted Items", "Deleted Messages", "Bin", "[Gmail]/Trash", "[Gmail]/Bin", "[Google Mail]/Trash", "Papierkorb",
              "Gelöschte Elemente", "[Gmail]/Papierkorb", "Corbeille", "[Gmail]/Corbeille", "Papelera", "Cestino", "Lixeira",
              "Prullenbak", "Papperskorgen", "Papirkurv", "Roskakori", "Kosz", "Корзина", "ごみ箱", "已删除", "휴지통"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listed:
    """A mailbox as LIST shows it: decoded name, hierarchy delimiter, attributes as sent."""

    name: str
    delimiter: str
    attributes: tuple[str, ...] = ()

    @property
    def selectable(self) -> bool:
        return not {a.casefold() for a in self.attributes} & {"\\noselect", "\\nonexistent"}


_OTHERS = re.compile(r"(?:other users|user|users|shared|public|#shared|#users|#public)[/.]", re.IGNORECASE)


def special_use(
    use: SpecialUse, listed: Iterable[Listed], configured: str = "auto", personal: str = ""
) -> str | None:
    """The name of the mailbox for a use, or None.

    `configured` names it (and must exist) unless it is `auto`; `personal` is the personal namespace's prefix
    (RFC 2342), below which the known names are looked for. Never a suffix match: `Old/Drafts` is not Drafts.
    """
    mailboxes = [m for m in listed if m.selectable]
    if configured != "auto":
        return next((m.name for m in mailboxes if m.name == configured), None) or next(
            (m.name for m in mailboxes if m.name == personal + configured), None
        )
    marked = [m.name for m in mailboxes if f"\\{use}" in {a.casefold() for a in m.attributes}]
    if marked:
        # A shared or another user's Drafts is marked as well: what lies in the personal namespace is meant.
        own = [n for n in marked if not _OTHERS.match(n)]
        return next((n for n in own if personal and n.startswith(personal)), (own or marked)[0])
    by_name = {m.name.casefold().replace(m.delimiter or "/", "/"): m.name for m in mailboxes}
    prefix = personal.casefold()
    for name in _NAMES[use]:
        for candidate in (prefix.replace(".", "/") + name.casefold(), name.casefold()):
            if candidate in by_name:
                return by_name[candidate]
    return None
