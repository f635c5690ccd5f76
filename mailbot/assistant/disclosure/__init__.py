"""Who may know what: whom the vault knows, whom a piece of a note names, who reads the answer, and what may therefore be shown."""
