"""A reranker: a server's /rerank, and an ONNX cross-encoder from a folder, through the code that a run uses."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mailbot.assistant.context.rerank import EndpointReranker, local_reranker
from mailbot.assistant.llm import Endpoint, Model
from mailbot.assistant.llm_errors import UnusableAnswer
from mailbot.errors import ConfigError
from mailbot.sync.pipeline import fetch_all
from mailbot.sync.session.report import Options
from tests.conftest import MakeSettings
from tests.e2e.test_disclosure import FACT, Made, drafted, note
from tests.servers.dovecot import Dovecot
from tests.servers.model import ModelServer


@pytest.fixture
def made(dovecot: Dovecot, user: str, model: ModelServer, make_settings: MakeSettings, vault: Path) -> Made:
    return dovecot, user, model, make_settings, vault


@contextmanager
def asked(server: ModelServer) -> Iterator[EndpointReranker]:
    client = Model(Endpoint(server.url, lambda: "none", 5, 0))
    yield EndpointReranker(client, "bge")
    client.close()


def test_a_server_is_asked_as_the_others_are_and_logits_become_shares(model: ModelServer) -> None:
    model.relevance = lambda query, document: 4.0 if query in document else -4.0
    with asked(model) as reranker:
        low, high = reranker.scores("price", ["nothing", "the price is 40"])
    assert 0 < low < 0.1 < 0.9 < high < 1
    (request,) = model.reranked
    assert (request["model"], request["query"], request["top_n"]) == ("bge", "price", 2)


def test_an_answer_without_numbers_is_unusable(model: ModelServer) -> None:
    model.relevance = lambda *_: float("nan")
    with asked(model) as reranker, pytest.raises(UnusableAnswer):
        reranker.scores("price", ["a"])


@pytest.mark.dovecot
def test_a_run_asks_it_for_what_the_readers_may_see_and_for_nothing_else(made: Made) -> None:
    """What it prefers comes first; what a rule keeps back never goes there."""
    note(made[4], "Projects/Coding.md", "title: Coding", f"GOOD-1. {FACT}\n\n- Louis Meyer: CANARY-7. {FACT}")
    note(
        made[4], "People/Louis/README.md", "type: people\ntitle: Louis Meyer\nemail: louis@other.example", "x"
    )
    made[2].relevance = lambda _, document: 0.9 if "GOOD-1" in document else 0.1
    prompt, _ = drafted(*made, rerank={"model": "bge"})
    assert made[2].reranked
    assert "CANARY" not in str(made[2].reranked)
    assert "GOOD-1" in prompt
    assert "Storage Evaluation" not in prompt.partition("What it quotes")[0]


@pytest.mark.dovecot
def test_where_it_does_not_answer_words_must_do(made: Made) -> None:
    note(made[4], "Projects/Coding.md", "title: Coding", f"GOOD-1. {FACT}")
    made[2].rerank_status = 500
    prompt, _ = drafted(*made, rerank={"model": "bge"})
    assert "GOOD-1" in prompt


# A cross-encoder whose logit is the mean id of its tokens: ONNX is a protobuf, and this much of it is quickly written.


def _varint(n: int) -> bytes:
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def _field(number: int, value: bytes | str | int) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _value(name: str, kind: int, shape: Iterator[bytes]) -> bytes:
    tensor = _field(1, kind) + _field(2, b"".join(_field(1, d) for d in shape))
    return _field(1, name) + _field(2, _field(1, tensor))


def cross_encoder(folder: Path) -> None:
    """Write model.onnx and tokenizer.json: the words of a passage have ids, and the logit is their mean less 3."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    free, one = _field(2, "n"), _field(1, 1)
    to_float = _field(5, _field(1, "to") + _field(3, 1) + _field(20, 2))
    axes = _field(5, _field(1, "axes") + _field(8, 1) + _field(20, 7))
    constant = _field(1, 1) + _field(2, 1) + _field(8, "three") + _field(9, struct.pack("<f", 3.0))
    graph = (
        _field(1, _field(1, "input_ids") + _field(2, "f") + _field(4, "Cast") + to_float)
        + _field(1, _field(1, "f") + _field(2, "m") + _field(4, "ReduceMean") + axes)
        + _field(1, _field(1, "m") + _field(1, "three") + _field(2, "logits") + _field(4, "Sub"))
        + _field(2, "g") + _field(5, constant)
        + _field(11, _value("input_ids", 7, iter((free, free)))) + _field(12, _value("logits", 1, iter((free, one))))
    )  # fmt: skip
    (folder / "model.onnx").write_bytes(_field(1, 8) + _field(7, graph) + _field(8, _field(2, 13)))
    words = Tokenizer(models.WordLevel({"[UNK]": 0, "[PAD]": 1, "price": 9, "is": 8}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.save(str(folder / "tokenizer.json"))


def test_a_cross_encoder_of_a_folder(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    cross_encoder(tmp_path)
    low, high = local_reranker(tmp_path).scores("price", ["nothing of it", "price is price"])
    assert low < 0.6 < high


def test_a_folder_without_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"model\.onnx"):
        local_reranker(tmp_path)


@pytest.mark.dovecot
def test_a_reranker_without_a_server_is_a_setting_to_mend(
    dovecot: Dovecot, user: str, make_settings: MakeSettings
) -> None:
    from tests.conftest import mail

    dovecot.deliver(user, mail(to=user))
    (report,) = fetch_all(make_settings(dovecot.port, user, rerank={"model": "bge"}), Options())
    assert "rerank.base_url is missing" in report.error
