"""What the adapters of hosted providers share, and the adapters themselves."""
