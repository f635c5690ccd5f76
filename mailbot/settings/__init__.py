"""The settings: what may stand in accounts.yaml."""

from mailbot.settings.account import Account, OAuth, Secret, Server
from mailbot.settings.model import Budget, Embeddings, Fallback, Limit, Llm, Price, Rerank
from mailbot.settings.rules import Disclosure, Drafts, Send, TriageRules
from mailbot.settings.whole import Settings

__all__ = [
    "Account",
    "Budget",
    "Disclosure",
    "Drafts",
    "Embeddings",
    "Fallback",
    "Limit",
    "Llm",
    "OAuth",
    "Price",
    "Rerank",
    "Secret",
    "Send",
    "Server",
    "Settings",
    "TriageRules",
]
