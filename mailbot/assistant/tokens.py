"""How many tokens a text takes, about: models differ, and most servers say only afterwards."""

from __future__ import annotations

import re


def tokens(text: str) -> int:
    """Four letters each, or one for a character of a script without spaces."""
    wide = len(re.findall(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]", text))
    return wide + (len(text) - wide) // 4 + 1
