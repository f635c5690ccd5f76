"""Decisions: values and settings in, a value or a list of actions out. Nothing here reads or writes."""
