"""What carries out an edit: receipt, router, runner, journal, and the pixels on their way out and back."""
