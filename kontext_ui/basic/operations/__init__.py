"""What is done to pixels: one file for each family of operations."""
