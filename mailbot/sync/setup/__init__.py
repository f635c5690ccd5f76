"""From nothing to the first own draft: the conversation of `mailbot init`, a question a file. `conversation.py` has their order."""
