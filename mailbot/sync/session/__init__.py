"""What a run works with: opened once, in one order, for whoever needs it."""
