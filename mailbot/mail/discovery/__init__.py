"""From an address to the mail servers behind it."""
