"""Measurements: each as a ratio to a peer in the same run, since machines are noisy."""
