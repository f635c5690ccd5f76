"""How well questions and requests are told from statements, language by language, on sentences of the benchmark's own.

    python -m benchmarks.asks [--wrong]

Prints precision, recall and F1 of each language, and with `--wrong` each sentence that was taken for the other kind.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from mailbot.assistant.asks import asks

DATA = Path(__file__).resolve().parent / "data" / "asks.toml"


def figures(asking: list[bool], stating: list[bool]) -> tuple[float, float, float]:
    """(found in each that asks, found in each that states) -> precision, recall and F1."""
    hits, false = sum(asking), sum(stating)
    precision = hits / (hits + false) if hits + false else 0.0
    recall = hits / len(asking)
    return precision, recall, 2 * precision * recall / (precision + recall) if hits else 0.0


def main() -> None:
    every: tuple[list[bool], list[bool]] = ([], [])
    print(f"{'':4} {'precision':>9} {'recall':>7} {'F1':>6}")
    for code, said in tomllib.loads(DATA.read_text(encoding="utf-8")).items():
        found = {kind: [bool(asks(sentence)) for sentence in said[kind]] for kind in ("asks", "states")}
        print(f"{code:4} {'{:9.2f} {:7.2f} {:6.2f}'.format(*figures(found['asks'], found['states']))}")
        every[0].extend(found["asks"])
        every[1].extend(found["states"])
        if "--wrong" in sys.argv:
            for kind, right in (("asks", True), ("states", False)):
                for sentence, was in zip(said[kind], found[kind], strict=True):
                    if was is not right:
                        print(f"     {kind}: {sentence}")
    print(f"{'all':4} {'{:9.2f} {:7.2f} {:6.2f}'.format(*figures(*every))}")


if __name__ == "__main__":
    main()
