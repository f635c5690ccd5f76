"""mailbot: unread mail in, Markdown notes and ready drafts out."""

__version__ = "0.1.0"
