"""Writes contrib/hashes.txt: the SHA-256 of every file that an installation of mailbot's own dependencies takes from a package index, for
`pip install --require-hashes -r contrib/hashes.txt`. Run it after a change of constraints.txt, read the difference, and commit it.

    python contrib/pin_hashes.py
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
PLATFORMS = (
    ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_5_x86_64", "manylinux1_x86_64"),
    ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64"),
    ("macosx_11_0_arm64", "macosx_12_0_arm64", "macosx_14_0_arm64", "macosx_10_9_universal2", "macosx_10_13_universal2"),
)  # fmt: skip
PYTHONS = ("3.11", "3.12", "3.13")


def files(platforms: tuple[str, ...], python: str) -> dict[str, str]:
    """`name==version` -> the hash of the file that pip would install there."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report", str(report),
            "--only-binary", ":all:", "--python-version", python, "--target", folder, "-c", str(ROOT / "constraints.txt"),
            *(f"--platform={p}" for p in platforms), *requirements(),
        ]  # fmt: skip
        subprocess.run(command, check=True)
        found = json.loads(report.read_text())["install"]
    return {
        f"{each['metadata']['name'].lower().replace('_', '-')}=={each['metadata']['version']}": each[
            "download_info"
        ]["archive_info"]["hashes"]["sha256"]
        for each in found
    }


def requirements() -> list[str]:
    """What mailbot itself needs, without extras."""
    import tomllib

    return list(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"])


def main() -> None:
    found: dict[str, set[str]] = defaultdict(set)
    for platforms in PLATFORMS:
        for python in PYTHONS:
            for name, digest in files(platforms, python).items():
                found[name].add(digest)
    lines = ["# Made by contrib/pin_hashes.py. Linux (x86-64, ARM) and macOS (ARM), Python 3.11 to 3.13."]
    for name, digests in sorted(found.items()):
        lines.append(" \\\n".join([name, *(f"    --hash=sha256:{digest}" for digest in sorted(digests))]))
    (ROOT / "contrib" / "hashes.txt").write_text("\n".join(lines) + "\n")
    print(f"{len(found)} packages, {sum(map(len, found.values()))} files")


if __name__ == "__main__":
    main()
