"""The one table that the benchmarks print: ours, the yardstick's, the ratio, the aim."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ratio:
    """A figure of ours beside a yardstick's from the same run. `aim` is the ratio that is wanted, at most, or where `more` is
    better at least; None for none."""

    what: str
    ours: float
    yardstick: float
    beside: str
    aim: float | None = None
    unit: str = "s"
    more: bool = False

    @property
    def ratio(self) -> float:
        return self.ours / self.yardstick if self.yardstick else float("inf")

    @property
    def falls_short(self) -> bool:
        if self.aim is None:
            return False
        return self.ratio < self.aim if self.more else self.ratio > self.aim


HEAD = f"{'':46} {'ours':>11} {'yardstick':>11} {'ratio':>7} {'aim':>8}"


def show(title: str, ratios: Sequence[Ratio]) -> None:
    """Print them, each with its verdict."""
    print(f"\n{title}\n{HEAD}")
    for each in ratios:
        aim = "" if each.aim is None else f"{'>=' if each.more else '<='} {each.aim:.2f}"
        verdict = "" if each.aim is None else "SHORT" if each.falls_short else "ok"
        print(
            f"{each.what:46} {each.ours:8.3f} {each.unit:2} {each.yardstick:8.3f} {each.unit:2} {each.ratio:7.2f} {aim:>8}"
            f" {verdict:5} {each.beside}"
        )
    sys.stdout.flush()


def corpus_folder(named: Path | None = None) -> Path:
    """The folder of real mail. Ends the program where there is none."""
    folder = named or Path(os.environ.get("MAILBOT_CORPUS", "../shared/corpus"))
    if not folder.is_dir():
        sys.exit(f"{folder}: no such folder; name one with .eml files, or set MAILBOT_CORPUS")
    return folder
