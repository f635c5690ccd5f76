"""Every benchmark, ratio by ratio, with the aim beside it: what `make bench` runs.

    python -m benchmarks [--quick]

Needs Dovecot, mbsync, the corpus and the evaluation sets. About a quarter of an hour; `--quick` takes a tenth of the mails.
"""

from __future__ import annotations

import argparse

from benchmarks import convert, drafts, fetch, retrieval, vault
from benchmarks.table import Ratio, corpus_folder, show
from mailbot.assistant.embedding import local


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    share = 10 if parser.parse_args().quick else 1
    corpus = corpus_folder()
    parts = {
        "fetch": lambda: fetch.ratios(corpus, 10_000 // share, 3_000 // share),
        "mail to note": lambda: convert.ratios(corpus, 1000 // share),
        "vault": lambda: vault.ratios(20_000 // share),
        "retrieval": lambda: retrieval.ratios(local(None)),
        "drafts": lambda: drafts.ratios(100 // share, 2.0, 8),
    }
    every: list[Ratio] = []
    for name, ratios in parts.items():
        found = ratios()
        show(name, found)
        every += found
    short = [each for each in every if each.falls_short]
    print(f"\n{len(short)} of {sum(each.aim is not None for each in every)} fall short")
    for each in short:
        print(f"    {each.what.strip()}: {each.ratio:.2f} times {each.beside}, aim {each.aim:.2f}")


if __name__ == "__main__":
    main()
