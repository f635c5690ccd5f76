"""The words of one line of an HTML mail, with their dress, links and pictures, as inert Markdown (before `release`)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import NamedTuple
from urllib.parse import quote

from mailbot.mail.text.line import Run
from mailbot.vault.markdown import inert_url
from mailbot.vault.stand_ins import PLAIN_CHARS, guard


class _Piece(NamedTuple):
    """Words of one dress, or a link's end or a picture, which have none."""

    text: str
    bold: bool = False
    italic: bool = False
    struck: bool = False


def in_line(runs: Iterable[Run], images: Mapping[str, str]) -> str:
    """Runs as Markdown, neighbours of one dress together."""
    pieces: list[_Piece] = []
    for dress, group in groupby(runs, key=_dress):
        if dress is None:
            pieces += [_Piece(_place(run, images)) for run in group]
        else:
            text = guard("".join(run.text for run in group)).replace("\n", " ").replace("\t", " ")
            pieces.append(_Piece(text, *dress))
    pieces = [piece for piece in pieces if piece.text]
    out: list[str] = []
    marked = False
    before = " "
    for number, piece in enumerate(pieces):
        after = pieces[number + 1].text[0] if number + 1 < len(pieces) else " "
        written = _marked(piece, before, after, marked)
        marked = written[-1:] != piece.text[-1:]
        before = piece.text[-1]
        out.append(written)
    return "".join(out)


def preformatted(runs: Iterable[Run], images: Mapping[str, str]) -> str:
    """Preformatted text keeps its spaces in front; it is no code, which would run as a query for Dataview and friends."""
    out: list[str] = []
    for placed, group in groupby(runs, key=lambda run: _dress(run) is None):
        if placed:
            out += [_place(run, images) for run in group]
            continue
        out.append(guard("".join(run.text for run in group)).replace("\n", " "))
    text = "".join(out)
    indent = len(text) - len(text.lstrip(" "))
    return ("\u00a0" * indent + text[indent:]).rstrip()


def _dress(run: Run) -> tuple[bool, bool, bool] | None:
    """How a run's words are marked; None for a link's end or a picture."""
    return None if run.target or run.image else (run.bold, run.italic, run.struck)


def _marked(piece: _Piece, before: str, after: str, touching: bool) -> str:
    """Words between marks. What would keep a mark from counting stands outside (CommonMark 6.2): the spaces around the words,
    and punctuation where a letter touches the mark from the other side. `touching` says that other marks end right here."""
    text, bold, italic, struck = piece
    if not (bold or italic or struck):
        return text
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    if start == 0 and _is_letter(before):
        while start < end and not _is_letter(text[start]):
            start += 1
    if end == len(text) and _is_letter(after):
        while start < end and not _is_letter(text[end - 1]):
            end -= 1
    if start >= end or (touching and start == 0):
        return text
    inside = (start == 0 and _is_letter(before)) or (end == len(text) and _is_letter(after))
    if struck and inside:
        bold = italic = False  # a mark beside a mark is punctuation to it
    marks = [mark for mark, on in (("**", bold), ("*", italic), ("~~", struck)) if on]
    return f"{text[:start]}{''.join(marks)}{text[start:end]}{''.join(reversed(marks))}{text[end:]}"


def _is_letter(char: str) -> bool:
    """Whether a character is neither space nor punctuation to any dialect of Markdown. (A stand-in is punctuation.)"""
    return char < PLAIN_CHARS[0] and unicodedata.category(char)[0] in "LMN"


def _place(run: Run, images: Mapping[str, str]) -> str:
    if run.target:
        # The label stays plain text in front of its target: what is shown can then never lie about it.
        return f" <{inert_url(run.target)}>"
    path = images.get(run.image)
    if path:
        # A bracket could end the alternative text, and a stranger's words become a link to the picture.
        shown = run.text.replace("[", "(").replace("]", ")")
        return f"![{guard(shown)}]({quote(path)})".replace("\n", " ")
    return guard(run.text).replace("\n", " ")
