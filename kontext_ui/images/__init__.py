"""Pixels: reading and writing pictures, geometry, pixel lock, masks. Knows nothing of projects."""
