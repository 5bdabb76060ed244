"""Text in pictures: read, replaced, removed and added in the style that it has."""
