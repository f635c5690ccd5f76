"""Triage, context, draft and the model's client: decides, never acts."""
