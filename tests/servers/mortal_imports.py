"""What the process has imported from which mortal runs are forked."""

import contextlib
import importlib
import pkgutil

import openai  # noqa: F401

import mailbot

for module in pkgutil.walk_packages(mailbot.__path__, "mailbot."):
    if not module.name.endswith("__main__"):
        with contextlib.suppress(ImportError):  # an extra that is not there
            importlib.import_module(module.name)
