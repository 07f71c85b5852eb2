"""The documented APIs over one core; each is a dialect in a folder of its own."""
