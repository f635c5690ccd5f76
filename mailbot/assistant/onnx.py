"""Models on this machine, as ONNX: `model.onnx` and `tokenizer.json`. Nothing is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mailbot import extras
from mailbot.errors import ConfigError


def load(model: Path, tokenizer: Path, max_tokens: int, called: str) -> tuple[Any, Any]:
    """(the session, the tokenizer, which cuts at `max_tokens`). `called` is what a message calls the model. Raises ConfigError if
    it cannot be loaded."""
    try:
        import onnxruntime
        from tokenizers import Tokenizer
    except ImportError as error:
        raise ConfigError(
            f"a local {called} needs more packages: {extras.install('local-embeddings')}; or name a server's model"
        ) from error
    try:
        words = Tokenizer.from_file(str(tokenizer))
        words.enable_truncation(max_tokens)
        words.enable_padding()
        session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ConfigError(f"the {called} {model} cannot be loaded ({error})") from error
    return session, words


def files_below(folder: Path, name: str) -> list[Path]:
    """The files of a name anywhere below a folder."""
    return sorted(folder.rglob(name))


def files_near(folder: Path, name: str) -> list[Path]:
    """The files of a name in a folder and two below it: a whole disk is not searched. Raises ConfigError if it cannot be read."""
    try:
        return [f for depth in ("", "*/", "*/*/") for f in sorted(folder.glob(depth + name)) if f.is_file()]
    except (OSError, ValueError) as error:
        raise ConfigError(f"{folder}: cannot be searched for a model ({type(error).__name__})") from error
