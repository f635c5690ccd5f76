"""IMAP: the connection and what stands on the server."""
