"""A conversational image editor: each chat message is an instruction applied to the current picture.

Importing this package imports nothing heavy; ``kontext_ui.bootstrap`` builds the whole program.
"""

__version__ = "0.1.0"
