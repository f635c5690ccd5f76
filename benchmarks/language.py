"""Which language a text is in: right answers and time, before and after, beside libraries that are installed.

    python -m benchmarks.language

The texts are in `benchmarks/data/language.toml`: single sentences, and mails of two or three. "before" counts the stop words of
seven languages, after a look at the script, as mailbot did. py3langid, lingua, langdetect and pycld2 are measured where they are
installed; none is needed.
"""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mailbot.language.detect import language_of
from mailbot.language.lists import codes, entries

TEXTS = Path(__file__).parent / "data" / "language.toml"
NEAR = ("da", "nb")
"""Hard to tell apart even for those who speak them; counted apart."""
SEVEN = ("en", "de", "fr", "es", "it", "pt", "nl")
SCRIPTS = {
    "ja": r"[\u3040-\u30ff]",
    "ko": r"[\uac00-\ud7af]",
    "zh": r"[\u4e00-\u9fff]",
    "ru": r"[\u0400-\u04ff]",
}


def before() -> Callable[[str], str]:
    words = {code: frozenset(entries("words.stop", code)) for code in SEVEN}

    def guess(text: str) -> str:
        letters = len(re.findall(r"[^\W\d_]", text)) or 1
        for code, script in SCRIPTS.items():
            if len(re.findall(script, text)) / letters > (0.15 if code == "ja" else 0.3):
                return code
        tokens = [t.casefold() for t in re.findall(r"[^\W\d_]+", text)]
        counts = {code: sum(t in known for t in tokens) for code, known in words.items()}
        best = max(counts, key=lambda code: (counts[code], code == "en"))
        return best if counts[best] > counts["en"] else "en"

    return guess


def after() -> Callable[[str], str]:
    return language_of


def py3langid() -> Callable[[str], str]:
    module: Any = importlib.import_module("py3langid")
    module.set_languages(["no" if code == "nb" else code for code in codes()])
    return lambda text: str(module.classify(text)[0]).replace("no", "nb")


def lingua() -> Callable[[str], str]:
    module: Any = importlib.import_module("lingua")
    names = [getattr(module.IsoCode639_1, code.upper()) for code in codes()]
    found = module.LanguageDetectorBuilder.from_iso_codes_639_1(*names).build()

    def guess(text: str) -> str:
        language = found.detect_language_of(text)
        return str(language.iso_code_639_1.name.lower()) if language else "en"

    return guess


def langdetect() -> Callable[[str], str]:
    module: Any = importlib.import_module("langdetect")
    module.DetectorFactory.seed = 0
    return lambda text: str(module.detect(text)).replace("no", "nb")


def pycld2() -> Callable[[str], str]:
    module: Any = importlib.import_module("pycld2")
    return lambda text: str(module.detect(text)[2][0][1]).replace("no", "nb")


GUESSERS = (before, after, py3langid, lingua, langdetect, pycld2)


def first_answer(name: str) -> str:
    """Seconds from a bare interpreter to the first answer, and the memory it took in MB; empty where that fails."""
    program = (
        "import time; import benchmarks.language as b; start = time.perf_counter()\n"
        f"b.{name}()('Please send the form back before Monday.')\n"
        "peak = next(int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
        "print(f'{time.perf_counter() - start:8.3f} {peak / 1024:8.0f}')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    return done.stdout.rstrip()


def main() -> None:
    texts = tomllib.loads(TEXTS.read_text("utf-8"))
    cases = [
        (code, kind, text)
        for code in texts
        for kind in ("short", "long")
        for text in texts[code][kind].split("\n")
        if text
    ]
    print(f"{len(texts)} languages, {len(cases)} texts; right answers in %")
    print(
        f"{'':12}{'short':>8}{'long':>8}{'da+nb short':>13}{'long':>8}{'us a call':>11}{'first, s':>9}{'MB':>9}"
    )
    for guesser in GUESSERS:
        try:
            guess = guesser()
        except ImportError:
            print(f"{guesser.__name__:12}  is not installed")
            continue
        start = time.perf_counter()
        said = [guess(text) for _, _, text in cases]
        each = (time.perf_counter() - start) / len(cases) * 1e6
        row = ""
        for near in (False, True):
            for kind in ("short", "long"):
                right = [
                    s == c
                    for s, (c, k, _) in zip(said, cases, strict=True)
                    if k == kind and (c in NEAR) == near
                ]
                row += f"{100 * sum(right) / len(right):{13 if near and kind == 'short' else 8}.1f}"
        print(f"{guesser.__name__:12}{row}{each:11.0f}{first_answer(guesser.__name__):>18}")
        if "-v" in sys.argv:
            for answer, (code, _, text) in zip(said, cases, strict=True):
                if answer != code:
                    print(f"    {code} taken for {answer}: {text}")


if __name__ == "__main__":
    main()
