"""The offline engine: instruction → plan → operations on real pixels."""
