"""A JSON object of a known shape: the ways in which servers can be asked for it, and how an answer is read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

Answer = TypeVar("Answer", bound=BaseModel)


def _schema(shape: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema in the strict form that OpenAI asks for: every property required, none beyond."""
    schema = shape.model_json_schema()

    def strict(node: Any) -> None:
        if isinstance(node, dict):
            if node.get("type") == "object":
                node["additionalProperties"] = False
                node["required"] = list(node.get("properties", {}))
            for unwanted in ("default", "title", "maxLength", "maxItems"):
                if not isinstance(node.get(unwanted), dict):
                    node.pop(unwanted, None)
            for value in node.values():
                strict(value)
        elif isinstance(node, list):
            for value in node:
                strict(value)

    strict(schema)
    return schema


FORMS: tuple[Callable[[type[BaseModel]], dict[str, Any]], ...] = (
    lambda shape: {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": shape.__name__.lower(), "strict": True, "schema": _schema(shape)},
        }
    },
    lambda _: {"response_format": {"type": "json_object"}},
    lambda _: {},
)
"""How a JSON answer is asked for, the best first; a server that refuses one is asked in the next."""


def in_words(shape: type[BaseModel]) -> str:
    """The shape in words, for a server that cannot be given a schema."""
    return f"Answer with one JSON object and nothing else. Its JSON schema:\n{json.dumps(_schema(shape), ensure_ascii=False)}"


TRIES = 50
"""Opening braces that are tried for the beginning of the object."""
_DECODER = json.JSONDecoder(strict=False)
_THOUGHT = re.compile(r"\A.*</(?:think|thinking|reasoning)>", re.DOTALL | re.IGNORECASE)
"""Some servers leave the opening tag away."""
_THINKING = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)


def read(text: str, shape: type[Answer]) -> Answer:
    """The object in an answer. Raises ValueError that says what was wrong."""
    # A thought that never ends may have the answer in it all the same.
    text = _THOUGHT.sub("", _THINKING.sub("", text)).strip() or text.strip()
    if not text:
        raise ValueError("the answer was empty")
    problem = ""
    at = text.find("{")
    for _ in range(TRIES):  # words around the object may have braces of their own
        if at < 0:
            break
        end = at + 1
        try:
            data, end = _DECODER.raw_decode(text, at)
            return shape.model_validate(data)
        except ValidationError as error:
            first = error.errors()[0]
            problem = problem or f"{'.'.join(map(str, first['loc'])) or 'the object'}: {first['msg']}"
        except (ValueError, RecursionError) as error:
            problem = problem or f"the answer was no valid JSON ({error})"
        at = text.find("{", end)
    raise ValueError(problem or "the answer held no JSON object")
