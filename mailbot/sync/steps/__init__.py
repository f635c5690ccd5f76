"""The steps of the story, one a file. Each takes what it needs, and says what it gives."""
