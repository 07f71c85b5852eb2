"""Figures about the platform, taken pair by pair in one run; ``make bench`` writes the table."""
