"""Notes, Markdown, index and search: knows no IMAP and no model."""
