"""One Markdown file a prompt."""
