"""RFC 5322 and IMAP: knows no vault and no model."""
