"""Words: from an instruction to a plan. Knows nothing of pixels."""
