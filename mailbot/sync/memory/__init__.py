"""What mailbot remembers between runs. A memory: the vault is the truth."""
