"""The one table that the benchmarks print: ours, the peer's, the ratio, the aim."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ratio:
    """A figure of ours beside a peer's from the same run. `aim` is the highest ratio that is wanted; None for none."""

    what: str
    ours: float
    peers: float
    peer: str
    aim: float | None = None
    unit: str = "s"

    @property
    def ratio(self) -> float:
        return self.ours / self.peers

    @property
    def verdict(self) -> str:
        if self.aim is None:
            return ""
        return "ok" if self.ratio <= self.aim else "SHORT"


def show(title: str, ratios: Sequence[Ratio]) -> None:
    """Print them, and say which fall short."""
    print(f"\n{title}")
    print(f"{'':52} {'ours':>10} {'peer':>10} {'ratio':>7} {'aim':>6}")
    for each in ratios:
        aim = f"{each.aim:.2f}" if each.aim is not None else ""
        row = f"{each.what:52} {each.ours:8.3f} {each.unit:2}{each.peers:8.3f} {each.unit:2}{each.ratio:6.2f} {aim:>6}"
        print(f"{row} {each.verdict:5} beside {each.peer}")
    sys.stdout.flush()


def corpus_folder(named: Path | None) -> Path:
    """The folder of real mail. Ends the program where there is none."""
    folder = named or Path(os.environ.get("MAILBOT_CORPUS", "../shared/corpus"))
    if not folder.is_dir():
        sys.exit(f"{folder}: no such folder; name one with .eml files, or set MAILBOT_CORPUS")
    return folder
