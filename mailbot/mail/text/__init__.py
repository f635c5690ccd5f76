"""The text of a mail: newest reply, history, signature."""
