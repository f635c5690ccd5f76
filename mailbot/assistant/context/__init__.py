"""What the vault knows for an answer: found, held against the rules of who may know what, and packed into a budget."""
