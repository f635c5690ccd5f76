"""How often the right note is among the first, on the evaluation sets, through the code that `mailbot search` runs.

    python -m benchmarks.retrieval [--local [FOLDER]]

Prints R@5, R@10 and nDCG@10 for the questions over the LoCoMo vault and, for replies of the corpus, of the mail that each
answers: by words, and with `--local` by words and the vectors of a local model (an installed package's, or a folder's).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from benchmarks.table import Ratio, show
from mailbot.assistant.embedding import local
from mailbot.mail.mail import Mail
from mailbot.mail.mime.parse import parse
from mailbot.mail.text.split import split
from mailbot.vault import note as notes
from mailbot.vault.email_note import Filing, to_note
from mailbot.vault.index import Index
from mailbot.vault.indexing import refresh
from mailbot.vault.search import search
from mailbot.vault.vectors import Embedder, Vectors
from mailbot.vault.verdict import Verdict

ROOT = Path(__file__).resolve().parent.parent
EVALS = Path(os.environ.get("MAILBOT_EVALS", ROOT.parent / "shared" / "evals"))
CORPUS = Path(os.environ.get("MAILBOT_CORPUS", ROOT.parent / "shared" / "corpus"))
MIN_WORDS, MAX_WORDS = 12, 120


def figures(ranked: Iterable[tuple[list[str], set[str]]]) -> dict[str, float]:
    """(note names best first, the names that are right) of each query -> mean R@5, R@10 and nDCG@10."""
    at5 = at10 = gain = 0.0
    count = 0
    for found, relevant in ranked:
        count += 1
        at5 += len(relevant & set(found[:5])) / len(relevant)
        at10 += len(relevant & set(found[:10])) / len(relevant)
        got = sum(1 / math.log2(rank + 2) for rank, name in enumerate(found[:10]) if name in relevant)
        gain += got / sum(1 / math.log2(rank + 2) for rank in range(min(len(relevant), 10)))
    return {"queries": count, "R@5": at5 / count, "R@10": at10 / count, "nDCG@10": gain / count}


def questions(index: Index, vectors: Vectors | None) -> Iterable[tuple[list[str], set[str]]]:
    """The LoCoMo questions, each with what a search finds."""
    for line in (EVALS / "retrieval" / "queries.jsonl").read_text(encoding="utf-8").splitlines():
        asked = json.loads(line)
        yield [Path(h.note).stem for h in search(index, asked["query"], 10, vectors)], set(asked["relevant"])


def mail_vault(folder: Path) -> dict[str, str]:
    """Write the ham of the corpus as email notes; returns note path -> file name."""
    names: dict[str, str] = {}
    for path in sorted((CORPUS / "mime" / "spamassassin-ham").glob("*.eml")):
        message = parse(path.read_bytes())
        email = to_note(Mail(message, split(message)), Filing(), Verdict())
        target = folder / email.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(notes.write(email.note), encoding="utf-8", errors="replace")
        names[email.path] = path.name
    return names


def parents(
    index: Index, vectors: Vectors | None, names: dict[str, str]
) -> Iterable[tuple[list[str], set[str]]]:
    """Replies of the corpus, each with the mails that a search for its own new text finds, itself left out."""
    for line in (EVALS / "retrieval" / "mail_parents.jsonl").read_text(encoding="utf-8").splitlines():
        pair = json.loads(line)
        texts = []
        for name in (pair["reply"], pair["parent"]):
            path = CORPUS / "mime" / "spamassassin-ham" / name
            texts.append(split(parse(path.read_bytes())).newest.split())
        if min(len(t) for t in texts) < MIN_WORDS:
            continue
        found = [names[h.note] for h in search(index, " ".join(texts[0][:MAX_WORDS]), 11, vectors)]
        yield [name for name in found if name != pair["reply"]][:10], {pair["parent"]}


AIMS = {
    ("questions", "words"): (0.88, 0.82), ("questions", "vectors"): (0.90, 0.84),
    ("mail to parent", "words"): (0.53, None), ("mail to parent", "vectors"): (0.66, None),
}  # fmt: skip
"""R@5 and nDCG@10 of questions, R@10 of mails to their parents."""


def report(what: str, by: str, ranked: Iterable[tuple[list[str], set[str]]]) -> list[Ratio]:
    result = figures(ranked)
    recall, ndcg = AIMS[what, by]
    name = "R@5" if what == "questions" else "R@10"
    rows = [Ratio(f"{what}, by {by}: {name}", result[name], recall, "the aim", 1.0, "", more=True)]
    if ndcg:
        rows.append(
            Ratio(f"{what}, by {by}: nDCG@10", result["nDCG@10"], ndcg, "the aim", 1.0, "", more=True)
        )
    return rows


def measure(
    folder: Path, vault: Path, embedder: Embedder | None, names: dict[str, str] | None
) -> list[Ratio]:
    """Index a vault and give its figures, by words and then with vectors."""
    what = "mail to parent" if names else "questions"

    def ranked(index: Index, vectors: Vectors | None) -> Iterable[tuple[list[str], set[str]]]:
        return parents(index, vectors, names) if names else questions(index, vectors)

    with Index(folder / "index.sqlite", vault) as index:
        refresh(index)
        rows = report(what, "words", ranked(index, None))
        if embedder:
            with Vectors(folder / "vectors.sqlite", embedder) as vectors:
                vectors.fill(index.hashes(), index.saying)
                rows += report(what, "vectors", ranked(index, vectors))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--local", nargs="?", const="", metavar="FOLDER", help="add the vectors of a local model"
    )
    chosen = parser.parse_args().local
    embedder = None if chosen is None else local(Path(chosen) if chosen else None)
    show("retrieval", ratios(embedder))


def ratios(embedder: Embedder | None) -> list[Ratio]:
    """How much of what is looked for is found, beside what was aimed at."""
    if not EVALS.is_dir() or not CORPUS.is_dir():
        raise SystemExit(
            f"no evaluation sets at {EVALS} or no corpus at {CORPUS}; set MAILBOT_EVALS and MAILBOT_CORPUS"
        )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        rows = measure(folder / "a", EVALS / "retrieval" / "vault", embedder, None)
        names = mail_vault(folder / "mail")
        return rows + measure(folder / "b", folder / "mail", embedder, names)


if __name__ == "__main__":
    main()
