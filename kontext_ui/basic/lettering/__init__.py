"""Text in pictures: reading, replacing, removing and adding it in the style of the picture."""
