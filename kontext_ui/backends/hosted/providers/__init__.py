"""One hosted provider in each file."""
