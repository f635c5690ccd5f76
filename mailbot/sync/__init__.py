"""The only layer that decides and acts."""
