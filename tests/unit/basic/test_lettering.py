"""Quoted text: what is understood, and what happens to the pixels."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("rapidocr")

from kontext_ui.basic import read as make_plan
from kontext_ui.basic.errors import ImpossibleError
from kontext_ui.basic.lettering import texts
from kontext_ui.basic.lettering.check import captioned, cleared, replaced
from kontext_ui.basic.lettering.faces import NAMES, can_draw
from kontext_ui.basic.lettering.finding import find, folded
from kontext_ui.basic.operations.work import Work
from kontext_ui.basic.vision.reader import READER, Line
from kontext_ui.edits import Rectangle
from kontext_ui.errors import NotUnderstood
from tests.unit.basic.signs import hang, scene, turned

EXAMPLES = Path(__file__).resolve().parents[3] / "assets" / "examples"
FLAT = [(180, 180), (700, 180), (700, 390), (180, 390)]
LEANING = [(180, 150), (700, 220), (690, 420), (190, 400)]


def plan(instruction, has_mask=False):
    try:
        steps = make_plan(instruction, has_mask).steps
    except NotUnderstood:
        return None
    return steps[0] if len(steps) == 1 and steps[0].operation in texts.OPERATIONS else None


def edit(photo, instruction, painted=None):
    photo.setflags(write=False)
    step = plan(instruction, painted is not None)
    assert step is not None
    made = texts.apply(Work(photo, step, painted))
    assert made.region is not None
    assert made.region.shape == photo.shape[:2]
    np.testing.assert_array_equal(made.pixels[made.region == 0], photo[made.region == 0])
    return made


def words(pixels):
    return [folded(line.text) for line in READER.read(pixels)]


@pytest.mark.parametrize(
    ("instruction", "old", "new", "which"),
    [
        ("replace 'OPEN' with 'CLOSED'", "OPEN", "CLOSED", "best"),
        ("Change the text “Old Town” to “New Town”", "Old Town", "New Town", "best"),
        ("'A' should read 'B'", "A", "B", "best"),
        ("make the sign say \"Don't walk\"", "", "Don't walk", "best"),
        ("change 'don't' to 'do'", "don't", "do", "best"),
        ("change the sign to say 'B'", "", "B", "best"),
        ("swap „Alt“ for „Neu“", "Alt", "Neu", "best"),
        ("change « un » to « deux »", "un", "deux", "best"),
        ("write 'B' instead of 'A'", "A", "B", "best"),
        ("replace every 'A' with 'B'", "A", "B", "all"),
        ("replace the \"OPEN\" at the bottom right with \"SHUT\"", "OPEN", "SHUT", "bottom right"),
        ("change 'GM 125' on the number plate to 'BFL 9'", "GM 125", "BFL 9", "best"),
        ("change the text on the shirt from 'A' to 'B' in red", "A", "B", "best"),
    ],
)  # fmt: skip
def test_replacing_is_understood(instruction, old, new, which):
    step = plan(instruction)

    assert step.operation == "replace_text"
    assert (step.text("old"), step.text("new"), step.text("which")) == (old, new, which)


@pytest.mark.parametrize(
    ("instruction", "old"),
    [("remove the text 'SALE'", "SALE"), ("remove all text", ""), ("erase the words", ""), ("remove the text", ""),
     ("get rid of the lettering on the bus", "")],
)  # fmt: skip
def test_removing_is_understood(instruction, old):
    step = plan(instruction)

    assert (step.operation, step.text("old")) == ("remove_text", old)


@pytest.mark.parametrize(
    ("instruction", "arguments"),
    [
        ("add the text 'Hi'", {"new": "Hi", "where": ""}),
        ("add the caption 'Hi' at the top left in white", {"new": "Hi", "where": "top left", "colour": "white"}),
        ("put a title 'My trip' on the picture", None),
        ("write 'Hi' in the centre in big red letters", {"where": "centre", "size": 1.5, "colour": "red"}),
        ("add 'Hi' in a handwritten font", {"face": "hand"}),
        ("add 'Hi' on the mug", {"needs_mask": True}),
        ("caption it 'Lisbon 2024'", {"new": "Lisbon 2024"}),
    ],
)
def test_adding_is_understood(instruction, arguments):
    step = plan(instruction)

    assert step.operation == "add_text"
    assert (arguments or {}).items() <= dict(step.arguments).items()


@pytest.mark.parametrize(
    "instruction",
    ["replace 'A' with 'B' and a dragon", "add 'B' to the dragon", "add a hat", "change 'A' into a pony",
     "remove 'A' and the man", "write 'A' in the sky", "turn 'A' upside-down", "remove the man", "make it brighter",
     "change the text to something nicer", "add 'A' with a unicorn"],
)  # fmt: skip
def test_a_word_left_over_is_no_text_edit(instruction):
    assert plan(instruction) is None


def test_every_face_draws_latin_and_most_draw_cyrillic_and_greek():
    assert all(can_draw(face, "Quartz & Föhn, 1234567890") for face in NAMES)
    assert sum(can_draw(face, "Привет") for face in NAMES) >= 8
    assert sum(can_draw(face, "Ωμέγα") for face in NAMES) >= 5
    assert not can_draw("sans", "漢")


def line(text, x=0.0, y=0.0):
    width = 20.0 * len(text)
    quad = np.array([[x, y], [x + width, y], [x + width, y + 30], [x, y + 30]], np.float32)
    return Line(text, 0.9, quad, tuple((index + 0.5) / len(text) for index in range(len(text))))


def test_words_are_found_in_other_case_with_a_slip_and_across_boxes():
    assert find([line("Closed today")], "CLOSED")[0].text == "Closed"
    assert find([line("Bakcry")], "Bakery")[0].text == "Bakcry"
    assert find([line("GM125")], "gm 125")[0].text == "GM125"
    assert find([line("GM"), line("125", x=60)], "GM 125")[0].text == "GM 125"
    assert find([line("M1SOL/SEVILLA")], "SEVILLA")[0].text == "SEVILLA"
    assert not find([line("WHAT")], "AT")
    assert not find([line("Bakcny")], "Bakery")


def test_a_word_read_with_a_slip_is_no_second_place_beside_an_exact_one():
    matches = find([line("Bakcry", y=100), line("Bakery")], "Bakery")

    assert [match.text for match in matches] == ["Bakery"]


@pytest.fixture(scope="module")
def leaning_sign():
    return hang(scene(), ["OPEN"], LEANING)


@pytest.fixture(scope="module")
def changed(leaning_sign):
    return edit(leaning_sign, "replace 'open' with 'SHUT'")


def test_the_new_word_is_read_where_the_old_one_was(leaning_sign, changed):
    assert folded("SHUT") in words(changed.pixels)
    assert folded("OPEN") not in words(changed.pixels)
    assert changed.said == "replaced “OPEN”, in the middle, by “SHUT”"
    assert 0.01 < (changed.region > 0).mean() < 0.2


def test_colour_and_height_and_slope_of_the_letters_stay(leaning_sign, changed):
    def letters(pixels):
        board = np.abs(pixels.astype(int) - (245, 245, 240)).sum(axis=2) < 160
        rows, columns = np.nonzero(board[150:420, 190:690])
        slope = np.polyfit(columns, rows, 1)[0]
        return np.median(pixels[150:420, 190:690][board[150:420, 190:690]], axis=0), np.ptp(rows), slope

    ink, height, slope = letters(leaning_sign)
    new_ink, new_height, new_slope = letters(changed.pixels)
    assert np.abs(ink - new_ink).max() < 12
    assert new_height == pytest.approx(height, rel=0.2)
    assert new_slope == pytest.approx(slope, abs=0.06)


def test_the_ground_under_removed_letters_is_the_boards(leaning_sign):
    made = edit(leaning_sign, "remove the text")

    assert words(made.pixels) == []
    inside = made.pixels[made.region > 0].astype(int)
    near = cv2.dilate(made.region, np.ones((21, 21), np.uint8)) > made.region
    assert np.abs(np.median(inside, axis=0) - np.median(made.pixels[near].astype(int), axis=0)).max() < 8
    assert np.percentile(inside.max(axis=1), 99) < 160


def test_the_same_words_give_the_same_pixels(leaning_sign, changed):
    again = edit(leaning_sign, "replace 'open' with 'SHUT'")

    np.testing.assert_array_equal(again.pixels, changed.pixels)


def test_all_text_means_every_line():
    photo = hang(scene(), ["Garden", "Party"], LEANING, ink=(200, 30, 50), board=(245, 245, 235), face="slab", em=84)
    made = edit(photo, "remove all text")

    assert words(made.pixels) == []
    assert "“Garden”" in made.said
    assert "“Party”" in made.said


def test_a_longer_word_stays_on_its_board():
    photo = hang(scene(), ["EXIT"], FLAT, ink=(30, 30, 40), board=(240, 200, 40))
    made = edit(photo, "replace 'EXIT' with 'EMERGENCY EXIT'")

    _, columns = np.nonzero(made.region)
    assert columns.min() > 180
    assert columns.max() < 700


def test_a_part_of_a_line_leaves_the_rest_of_it():
    photo = hang(scene(), ["since 1987"], FLAT, face="serif", em=90)
    made = edit(photo, "replace '1987' with '2024'")

    assert words(made.pixels) == [folded("since 2024")]


def test_of_two_equal_words_one_is_taken_and_the_other_offered():
    photo = hang(scene(), ["SALE"], [(60, 60), (360, 60), (360, 200), (60, 200)])
    photo = hang(photo, ["SALE"], turned([(0, 0), (300, 0), (300, 140), (0, 140)], (520, 420)))

    made = edit(photo, "replace 'SALE' with 'SOLD'")
    assert sorted(words(made.pixels)) == sorted((folded("SALE"), folded("SOLD")))
    assert "1 of 2" in made.said
    assert any(other.startswith("the “SALE” at the ") for other in made.others)
    chosen = edit(photo, "replace the 'SALE' at the bottom right with 'SOLD'")
    assert np.nonzero(chosen.region)[0].min() > 400


def test_the_painted_mask_says_which_and_bounds_the_change():
    photo = hang(scene(), ["SALE"], [(60, 60), (360, 60), (360, 200), (60, 200)])
    photo = hang(photo, ["NEWS"], turned([(0, 0), (300, 0), (300, 140), (0, 140)], (520, 420)))
    painted = np.zeros(photo.shape[:2], np.uint8)
    painted[400:580, 500:840] = 255

    made = edit(photo, "change the sign to say 'CAFE'", painted)

    assert sorted(words(made.pixels)) == sorted((folded("SALE"), folded("CAFE")))
    assert not made.region[painted == 0].any()


def test_a_missing_word_is_refused_with_the_words_that_are_there(leaning_sign):
    with pytest.raises(ImpossibleError, match=r"“taxi”.*I can read: “OPEN”") as refusal:
        edit(leaning_sign, "replace 'taxi' with 'bus'")

    assert refusal.value.suggestions


@pytest.mark.parametrize(
    ("instruction", "reason"),
    [("replace 'OPEN' with 'ЗАКРЫТО'", "Latin letters only"),
     ("replace 'OPEN' with 'Please come back tomorrow morning at nine'", "too long"),
     ("add 'Hi' on the mug", "Paint over the place on the mug")],
)  # fmt: skip
def test_what_cannot_be_written_is_refused_with_the_reason(leaning_sign, instruction, reason):
    with pytest.raises(ImpossibleError, match=reason):
        edit(leaning_sign, instruction)


def test_without_any_text_there_is_nothing_to_replace():
    with pytest.raises(ImpossibleError, match="no text"):
        edit(scene(400, 300), "replace 'A1' with 'B2'")


def test_an_eye_that_looks_like_a_letter_is_no_text():
    photo = np.array(Image.open(EXAMPLES / "cat.jpg").convert("RGB"))

    with pytest.raises(ImpossibleError, match="no text"):
        edit(photo, "remove all text")


def test_a_caption_stands_where_it_was_asked_for_and_in_its_colour():
    photo = scene()

    made = edit(photo, "add the caption 'Lisbon' at the top in yellow")

    assert words(made.pixels) == [folded("Lisbon")]
    assert np.nonzero(made.region)[0].max() < photo.shape[0] // 3
    assert (np.abs(made.pixels.astype(int) - (245, 211, 18)).sum(axis=2) < 12).sum() > 200


def test_a_long_caption_is_broken_into_lines_and_stays_inside():
    made = edit(scene(), "add 'A rather long caption that will never ever fit on one single line of this photo'")

    _, columns = np.nonzero(made.region)
    assert columns.min() > 0
    assert columns.max() < 899
    assert len(words(made.pixels)) >= 2


def test_a_caption_may_be_greek_or_cyrillic():
    made = edit(scene(400, 300), "add 'Привет, Ωμέγα'")

    assert (made.region > 0).any()


def test_a_caption_that_cannot_be_read_is_none():
    photo = scene()

    assert not captioned(photo, Rectangle(40, 40, 300, 60), "Welcome")
    assert captioned(photo, Rectangle(40, 40, 300, 60), "Привет"), "the reader knows no Cyrillic, so it is not asked"


def test_the_second_reading_refuses_a_word_that_is_not_there():
    """What keeps a failed edit from counting: asked of photos, apart from the drawing."""
    before, after = (hang(scene(), [word], FLAT) for word in ("OPEN", "SHUT"))
    old = find(READER.read(before), "OPEN")[0]
    new = find(READER.read(after), "SHUT")[0]

    assert replaced(after, old, new.quad, "SHUT")
    assert not replaced(after, old, new.quad, "CLOSED")
    assert not replaced(before, old, old.quad, "SHUT")
    assert cleared(scene(), old)
    assert not cleared(before, old)
