"""Finding things in a picture: named objects, the main subject, the sky, words. No family knows a network."""
