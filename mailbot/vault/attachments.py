"""The attachments of a mail as files beside its note."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mailbot.mail.message import Attachment, Message
from mailbot.vault.files import safe_name, unused

_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"})
_ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp")


@dataclass(frozen=True, slots=True)
class Attached:
    """The files of a mail: `files` maps a path to its content, `links` a path to its attachment, and `images` the Content-ID
    of each picture that a note may show to its path from the note's folder."""

    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    links: Mapping[str, Attachment] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)

    def section(self) -> str:
        """The section of a note that lists them; empty for none."""
        rows = "\n".join(_link(path, attachment) for path, attachment in self.links.items())
        return f"## Attachments\n\n{rows}" if rows else ""


def attached(message: Message, directory: str) -> Attached:
    """The attachments of a mail, each under a safe name of its own in `directory` (relative to the vault)."""
    files: dict[str, bytes] = {}
    links: dict[str, Attachment] = {}
    images: dict[str, str] = {}
    taken: set[str] = set()
    for attachment in message.attachments:
        name = unused(safe_name(attachment.name), taken)
        path = f"{directory}/{name}"
        files[path] = attachment.content
        links[path] = attachment
        if attachment.content_id and _may_be_shown(attachment, name):
            images[attachment.content_id] = f"{directory.rpartition('/')[2]}/{name}"
    return Attached(files, links, images)


def _may_be_shown(attachment: Attachment, name: str) -> bool:
    return (
        attachment.content_type in _IMAGES
        and name.lower().endswith(_ENDINGS)
        and _is_raster(attachment.content)
    )


def _is_raster(content: bytes) -> bool:
    """Whether the bytes are what they claim: an SVG that calls itself PNG would run."""
    return content.startswith((b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"BM")) or (
        content[:4] == b"RIFF" and content[8:12] == b"WEBP"
    )


def _link(path: str, attachment: Attachment) -> str:
    name = path.rpartition("/")[2]
    return f"- [[{path}|{name}]] ({human_size(attachment.size)})"


def human_size(octets: int) -> str:
    """`12 kB`, as file managers say it."""
    size = float(octets)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
