"""Whether it will work, before it fails: one file for each thing that is looked at."""
