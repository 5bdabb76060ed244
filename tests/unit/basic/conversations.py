"""Whole conversations: each message, and what a person expects of it.

``None``: an instruction that stands alone. A name: that command. ``(instruction, onto)``: what it says in full.
``-1``: what the last turn did there is taken back.
"""

CONVERSATIONS = (
    (("make the car red", None), ("a bit darker", ("make the car a bit darker", "head")),
     ("no, blue instead", ("make the car blue", "head")), ("undo that", "undo"), ("now blur the background", None),
     ("a bit more", ("blur the background a lot", "parent")), ("perfect, thanks! now make it warmer", None),
     ("too much", ("make it warmer slightly", "parent"))),
    (("remove the dog", None), ("and the horse too", ("remove the horse", "head")), ("put the horse back", -1),
     ("make his jacket red", None), ("brighter red", ("make his jacket bright red", "parent"))),
    (("make the car red", None), ("no, the other one", ("make the right car red", "parent")),
     ("both of them", ("make all cars red", "parent"))),
    (("make the sky a sunset", None), ("more dramatic", ("make the sky a more dramatic sunset", "parent")),
     ("go back to the original sky", -1), ("same but stormy", ("make the sky stormy", "parent")),
     ("make it even darker", ("make the sky darker", "head"))),
    (("blur the background", None), ("less blur", ("blur the background slightly", "parent")),
     ("stronger", ("blur the background a lot", "parent")), ("also make it black and white", None),
     ("undo the black and white but keep the blur", -1)),
    (('replace "NO LITTER" with "NO PARKING"', None),
     ("make it red", ('replace "NO LITTER" with "NO PARKING" in red', "parent")),
     ("bigger", ('replace "NO LITTER" with "NO PARKING" in red bigger', "parent")),
     ("now change it to NO ENTRY", ('replace "NO LITTER" with "NO ENTRY" in red', "parent"))),
    (("remove the background", None), ("make it white", ("make the background white", "parent")),
     ("actually light grey", ("make the background light grey", "parent")), ("add a soft shadow", None),
     ("crop to a square", None)),
    (("make the left dog darker", None), ("same for the right one", ("make the right dog darker", "head")),
     ("do it again", ("make the right dog darker", "head")), ("reset", "original")),
    (("make it brighter", None), ("more", ("make it brighter", "head")),
     ("a little less", ("make it brighter slightly", "parent")), ("half that", ("make it brighter slightly", "parent")),
     ("repeat that", ("make it brighter slightly", "head")), ("what did you do?", "explain")),
    (('add the text "Hello" at the bottom', None),
     ("make it bigger", ('add the text "Hello" at the bottom bigger', "parent")),
     ("move it to the top", ('add the text "Hello" bigger at the top', "parent")),
     ("change the color to yellow", ('add the text "Hello" bigger at the top in yellow', "parent")), ("remove it", -1)),
    (("remove the person on the left", None), ("the other one too", ("remove the right person", "head")),
     ("and all the other people", ("remove all people", "head"))),
    (("Mach das Bild heller", None), ("noch heller", ("Mach das Bild heller", "head")), ("rückgängig", "undo")),
    (("make the bicycle blue", None), ("same for the dog", ("make the dog blue", "head")),
     ("now the car in the back", ("make the car in the back blue", "head")),
     ("darker", ("make the car in the back darker", "head")), ("make the dog darker", None),
     ("less dark", ("make the dog darker slightly", "parent"))),
)  # fmt: skip
"""Those of the review in which the engine was found not to converse."""
OTHERS = {
    "make the right car red": ("make the left car red", "make all cars red"),
    "make the car red": ("make the right car red", "make all cars red"),
    "remove the person on the left": ("remove the right person", "remove all people"),
}
"""The alternatives that the engine offered for an instruction."""
