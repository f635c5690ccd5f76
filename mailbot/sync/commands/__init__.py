"""Commands that are more than one step."""
