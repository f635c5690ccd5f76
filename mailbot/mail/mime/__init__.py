"""RFC 5322 and MIME: bytes to Message, and Message to bytes."""
