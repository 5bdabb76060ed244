"""Suggestions fit what is seen."""

from kontext_ui.edits import Rectangle, Size
from kontext_ui.prompting import Look, Thing, for_model, for_reader
from kontext_ui.prompting.seen import Place, place_of, said


def texts(suggestions):
    return [one.text for one in suggestions]


def test_things_sky_and_words_of_the_picture_are_named():
    look = Look((Thing("car", share=0.3), Thing("dog", share=0.05)), sky=True, subject=True, words=("OPEN",))

    offered = texts(for_reader(look))

    assert "Make the car red" in offered
    assert 'Replace "OPEN" with "…"' in offered
    assert "Make the sky stormy" in offered
    assert "Blur the background" in offered
    assert "Remove the dog" in offered
    assert "Remove the car" not in offered


def test_nothing_is_offered_about_what_is_not_there():
    offered = " ".join(texts(for_reader(Look())) + texts(for_model(Look())))

    assert not {"sky", "car", "person", "Replace", "background"} & set(offered.replace(",", " ").split())
    assert for_reader(Look())
    assert for_model(Look())


def test_a_street_full_of_cars_leaves_room_for_the_sky():
    look = Look((Thing("car", 5), Thing("bus"), Thing("truck"), Thing("bicycle")), sky=True)

    assert "Make the sky stormy" in texts(for_reader(look))[:3]


def test_models_are_asked_to_preserve():
    look = Look((Thing("person"), Thing("cup")), sky=True, subject=True)

    for text in texts(for_model(look)):
        assert text.startswith("Make the") or any(word in text for word in ("preserving", "keeping", "stays the same"))


def test_no_suggestion_comes_twice_and_labels_are_short():
    look = Look((Thing("person", 2), Thing("car", 2), Thing("cat")), sky=True, subject=True, words=("A", "A"))

    for offered in (for_reader(look), for_model(look)):
        assert len(set(texts(offered))) == len(offered)
        assert all(len(one.label) <= 60 for one in offered)


def test_names_and_places():
    assert [said(Thing(*one)) for one in (("car",), ("car", 2), ("person", 3), ("knife", 2), ("bus", 2))] == [
        "the car", "the cars", "the people", "the knives", "the buses"]  # fmt: skip
    size = Size(300, 300)
    assert place_of(Rectangle(0, 0, 60, 60), size) is Place.TOP_LEFT
    assert place_of(Rectangle(120, 120, 60, 60), size) is Place.CENTRE
    assert place_of(Rectangle(120, 240, 60, 60), size) is Place.BOTTOM
    assert place_of(Rectangle(240, 120, 60, 60), size) is Place.RIGHT
