"""What people type, and what it is understood as."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kontext_ui.backends.builtin.engine import EXAMPLES, make_plan
from kontext_ui.errors import NotUnderstood
from kontext_ui.ui.examples import EXAMPLES as OFFERED

UNDERSTOOD = {
    "make it a bit warmer": [("warmth", 0.125)],
    "brighten by 20%": [("brightness", 0.2)],
    "make it darker by 20 percent": [("brightness", -0.2)],
    "turn it black & white": [("greyscale", 1.0)],
    "Black and white, please!": [("greyscale", 1.0)],
    "black and white and more contrast": [("greyscale", 1.0), ("contrast", 0.25)],
    "turn it black and white with more contrast": [("greyscale", 1.0), ("contrast", 0.25)],
    "darker with a vignette": [("brightness", -0.2), ("vignette", 0.45)],
    "less saturated": [("saturation", -0.3)],
    "less warm": [("warmth", -0.25)],
    "more vivid colors": [("saturation", 0.3)],
    "cool it down": [("warmth", -0.25)],
    "warm up the colours": [("warmth", 0.25)],
    "lift the shadows": [("shadows", 0.25)],
    "brightness -20": [("brightness", -0.2)],
    "contrast +10%": [("contrast", 0.1)],
    "make it 16:9": [("crop_ratio", 16)],
    "make it 20% smaller": [("resize", 0.8)],
    "make it half the size": [("resize", 0.5)],
    "it is too dark": [("brightness", 0.2)],
    "too bright": [("brightness", -0.2)],
    "recover the highlights": [("highlights", -0.2)],
    "darken the highlights": [("highlights", -0.2)],
    "increase brightness and contrast": [("brightness", 0.2), ("contrast", 0.25)],
    "reduce saturation a lot": [("saturation", -0.54)],
    "can you make this image look colder?": [("warmth", -0.25)],
    "make it sepia": [("sepia", 1.0)],
    "invert the colours": [("invert", 1.0)],
    "make it 20% darker while keeping the sky": [("brightness", -0.2)],
    "blur it slightly": [("blur", 0.25)],
    "sharpen": [("sharpen", 0.6)],
    "make it darker, add grain and a vignette": [("brightness", -0.2), ("grain", 0.35), ("vignette", 0.45)],
    "make it warmer and a bit brighter, then flip it": [("warmth", 0.25), ("brightness", 0.1), ("flip", "horizontal")],
    "rotate 90 degrees clockwise": [("rotate", 90)],
    "rotate by 15.5° counter-clockwise": [("rotate", -15.5)],
    "turn the picture left": [("rotate", -90)],
    "turn it upside down": [("rotate", 180)],
    "straighten by 2 degrees": [("straighten", 2)],
    "flip it vertically": [("flip", "vertical")],
    "mirror it": [("flip", "horizontal")],
    "crop to 16:9": [("crop_ratio", 16)],
    "crop to a square": [("crop_ratio", 1)],
    "crop 10% off the left": [("crop_edge", "left")],
    "trim 40 px from the top": [("crop_edge", "top")],
    "resize to 1600 px wide": [("resize", 1600)],
    "scale to 800x600": [("resize", 800)],
    "resize to 50%": [("resize", 0.5)],
}
PLACES = {
    # recolouring
    "change the car to red": "recolour named car red",
    "make the car red": "recolour named car red",
    "paint the bus yellow": "recolour named bus yellow",
    "colour the horse brown": "recolour named horse brown",
    "Recolor the sofa navy blue": "recolour named couch navy",
    "make the cup light blue": "recolour named cup light blue",
    "turn the black cat white": "recolour named cat white",
    "change the colour of the mug from white to green": "recolour named cup green",
    "change the car's color to dark green": "recolour named car dark green",
    "give the car a red paint job": "recolour named car red",
    "the cat should be black": "recolour named cat black",
    "make all cars blue": "recolour named car blue",
    "make the left car blue": "recolour named car blue",
    "make the person on the right purple": "recolour named person purple",
    "make the orange suit blue": "recolour colour suit blue",
    "turn the yellow dress into emerald green": "recolour colour dress emerald",
    "change red to blue": "recolour colour  blue",
    "make the red parts green": "recolour colour  green",
    "make the flower purple": "recolour subject flower purple",
    "make the main subject blue": "recolour subject main-subject blue",
    "make the orange blue": "recolour named orange blue",
    "make the sky pink": "recolour sky sky pink",
    "make the motorbike #00ff88": "recolour named motorcycle #00ff88",
    "make the car red and the cat blue": "recolour named car red + recolour named cat blue",
    # background
    "blur the background": "background blur",
    "blur the background a lot": "background blur",
    "make the background blurry": "background blur",
    "add bokeh": "background blur",
    "portrait mode": "background blur",
    "remove the background": "background remove",
    "make the background transparent": "background remove",
    "cut out the subject": "background remove",
    "change the background to white": "background colour",
    "make the background light grey": "background colour",
    "white background": "background colour",
    "put him on a white background": "background colour",
    "replace the background with a studio": "background studio",
    "change the background to a beach": "background scene",
    "replace the background with a forest": "background scene",
    "put the cat in front of a night sky background": "background scene",
    "make the background black and white": "greyscale background",
    "darken the background": "brightness background",
    # sky
    "make the sky stormy": "sky stormy",
    "replace the sky with a sunset": "sky sunset",
    "change the sky to a night sky": "sky night",
    "make the sky blue": "sky blue",
    "add a starry sky": "sky night",
    "turn the sky overcast": "sky overcast",
    "make the sky darker": "brightness sky",
    # removal
    "remove the dog": "remove named dog",
    "erase the person on the left": "remove named person",
    "get rid of the red car": "remove named car",
    "remove the dog and the horse": "remove named dog + remove named horse",
    "delete the ball from the picture": "remove named sports ball",
    # weather and season
    "add fog": "fog",
    "make it rain": "rain",
    "make it a rainy day": "rain",
    "add falling snow": "snow",
    "make it night": "night",
    "turn day to night": "night",
    "give it golden hour light": "golden",
    "make it autumn": "autumn",
    "change the season to winter": "winter",
    # styles
    "turn it into a watercolour": "style watercolour",
    "make it look like an oil painting": "style oil",
    "turn this into a pencil sketch": "style pencil",
    "make it pixel art": "style pixel art",
    "comic book style": "style comic",
    "convert to line art": "style line art",
    "low poly style": "style low poly",
    "in the style of Van Gogh": "style van gogh",
    "make it cinematic": "style cinematic",
    "give it an analog film look": "style analog film",
    "turn it into stained glass": "style stained glass",
    "make it an etching": "style etching",
    "ink wash painting": "style ink wash",
    "impressionist style": "style impressionist",
    "enhance the photo": "style enhance",
    # tone and effects somewhere
    "make everything black and white except the flower": "greyscale subject",
    "blur everything but the dog": "blur named",
    "sharpen the cat": "sharpen named",
    "make the person brighter": "brightness named",
    "desaturate the car": "saturation named",
    # text
    'replace "OPEN" with "CLOSED"': "replace_text OPEN CLOSED",
    "change the text ‘Sale’ to ‘Sold Out’": "replace_text Sale Sold Out",
    "remove the text “OPEN”": "remove_text OPEN",
    "remove the text": "remove_text",
    "add the text “Welcome” at the bottom": "add_text Welcome",
    "replace 'GM 125' with 'BFL 9' and make it warmer": "replace_text GM 125 BFL 9 + warmth",
    # more of what people say
    "isolate the dog": "background remove",
    "cut out the cat": "background remove",
    "remove everything but the person": "background remove",
    "remove bg": "background remove",
    "cat on white background": "background colour",
    "swap the background for a city at night": "background scene",
    "I'd like the sky to be stormy": "sky stormy",
    "put a sunset in the sky": "sky sunset",
    "make the horse darker brown": "recolour named horse dark brown",
    "horse brown": "recolour named horse brown",
    "reduce noise": "denoise",
    "remove the grain": "denoise",
    "make it sharper and less noisy": "sharpen + denoise",
    "make the colors pop": "saturation",
    "fix the white balance": "balance",
    "add a thin black border": "border",
    "make it a cartoon": "style comic",
    "put the cat on a beach": "background scene",
    "background red": "background colour",
    # one thing kept, another asked for
    "make it darker, keep the cat and make the sky stormy": "brightness + sky stormy",
    "make it darker while keeping the cat and add a vignette": "brightness + vignette",
    "keep the face and make it warmer": "warmth",
    "preserve the composition and change the car to red": "recolour named car red",
    "keep the car in colour and make everything else black and white": "greyscale",
    "flip horizontally and vertically": "flip + flip",
    "sunset sky": "sky sunset",
    # several at once
    "blur the background and make it warmer": "background blur + warmth",
    "make the sky stormy, then add rain": "sky stormy + rain",
    "make the background darker and blurry": "brightness background + background blur",
}
REFUSED = (
    "add a dragon",
    "make it brighter and add a dragon",
    "give her a bowler hat",
    "add a red hat",
    "make him smile",
    "make her look older",
    "change his hair to blonde",
    "open her eyes",
    "make the man sit down",
    "rotate the car to face left",
    "make the car bigger",
    "move the cat to the left",
    "zoom out and show the whole room",
    "put them in Paris",
    "change the background to the Eiffel tower",
    "fill the field with wildflowers",
    "snow lying on everything",
    "turn it into anime",
    "make it a 3d render",
    "isometric style",
    "origami",
    "cyberpunk neon city",
    "a photo of an astronaut riding a horse",
    "replace the dog with a cat",
    "give the car bigger wheels",
    "change her dress to a suit",
    "make the dress green",
    "don't make it darker",
    "not darker",
    "what is this?",
    "remove the red eye",
    "remove the person on the horse",
    "remove the man behind the car",
    "remove the dog from the sofa",
    "blur everything except the person and the dog",
    "turn night to day",
    "make the car red and blue",
    "make the sky pink and purple",
    "blur the edges",
    "make it -20% brighter",
    "turn it into a 3d model",
    "remove people in the background",
    "make it black and white but keep the bonnet",
    "make the cat's eyes blue",
    "delete the watermark",
    "👍",
    "-",
    "make it",
    "remove the object from her face",
    "brighter dragon",
    "make the car red and shiny like glass",
    'write "Hello" on her shirt',
    'replace "OPEN" with a neon sign',
)


def told(step):
    """A step as one line: what, where, to what."""
    arguments = step.arguments
    if step.operation == "recolour":
        return f"recolour {arguments['target']} {arguments['name']} {arguments['colour']}"
    if step.operation == "remove":
        return f"remove {arguments['target']} {arguments['name']}"
    if step.operation.endswith("_text"):
        return " ".join([step.operation, *(arguments[name] for name in ("old", "new") if arguments.get(name))])
    if step.operation == "flip":
        return "flip"
    detail = next((arguments[name] for name in ("how", "kind", "style", "target") if name in arguments), "")
    return f"{step.operation} {detail}".strip()


@pytest.mark.parametrize(("instruction", "expected"), PLACES.items(), ids=PLACES)
def test_what_is_done_where(instruction, expected):
    assert " + ".join(told(step) for step in make_plan(instruction).steps) == expected


def test_the_table_is_as_long_as_it_should_be():
    assert len(UNDERSTOOD) + len(PLACES) + len(REFUSED) >= 150
    assert len(REFUSED) >= 24


@pytest.mark.parametrize(
    ("instruction", "which"),
    {
        "make the left car red": "left",
        "make the car on the right red": "right",
        "make all cars red": "all",
        "make the cars red": "all",
        "make the biggest car red": "largest",
        "make the other car red": "other",
        "make the second car red": "second",
        "make the third car red": "third",
        "make the car red": "best",
    }.items(),
)
def test_which_of_several_is_meant(instruction, which):
    assert make_plan(instruction).steps[0].arguments["which"] == which


def test_a_painted_mask_explains_a_noun_that_nothing_here_can_find():
    for instruction in ("make the dress green", "make it green", "paint this green"):
        (step,) = make_plan(instruction, has_mask=True).steps
        assert (step.operation, step.arguments["target"]) == ("recolour", "masked")
    assert make_plan("remove this", has_mask=True).steps[0].operation == "remove"
    with pytest.raises(NotUnderstood):
        make_plan("make the dress green")


@pytest.mark.parametrize(
    "instruction",
    [
        "make it darker but keep the cat in colour",
        "darker, without changing the cat",
        "darker while preserving the cat",
    ],
)
def test_what_is_to_be_kept_is_found_when_it_has_a_name(instruction):
    assert [target.name for target in make_plan(instruction).protect] == ["cat"]


def test_a_colour_can_be_kept():
    (target,) = make_plan("make it black and white but keep the red").protect
    assert (target.kind, target.source) == ("colour", "red")


def test_very_makes_slightly_smaller():
    plain, small, less = (
        make_plan(f"make it {how} brighter").steps[0].number("amount") for how in ("", "slightly", "very slightly")
    )

    assert plain > small > less


@pytest.mark.parametrize(
    ("instruction", "words"),
    {
        "don't make it darker": "“don't”",
        "turn it into a 3d model": "style 3D model",
        "black and white dragon": "“dragon”",
    }.items(),
)
def test_a_refusal_blames_the_right_word(instruction, words):
    with pytest.raises(NotUnderstood, match=words):
        make_plan(instruction)


def test_everything_else_is_what_is_not_painted():
    (step,) = make_plan("blur everything else", has_mask=True).steps
    assert step.arguments["inverted"] is True


def test_a_fragment_is_offered_with_the_verb_that_it_left_out():
    with pytest.raises(NotUnderstood) as caught:
        make_plan("make the car red, the cat blue and a dragon")

    assert make_plan(caught.value.suggestions[0]).steps[1].arguments["name"] == "cat"


def test_a_refused_style_is_named():
    with pytest.raises(NotUnderstood, match="style anime does not come out well"):
        make_plan("turn it into anime")


@pytest.mark.parametrize(("instruction", "expected"), UNDERSTOOD.items(), ids=UNDERSTOOD)
def test_what_is_understood(instruction, expected):
    plan = make_plan(instruction)

    found = [(step.operation, next(iter(step.arguments.values()))) for step in plan.steps]
    assert [operation for operation, _ in found] == [operation for operation, _ in expected]
    for (_, value), (_, wanted) in zip(found, expected, strict=True):
        assert value == (wanted if isinstance(wanted, str) else pytest.approx(wanted))


@pytest.mark.parametrize("instruction", REFUSED)
def test_what_is_refused_offers_three_things_that_work(instruction):
    with pytest.raises(NotUnderstood) as caught:
        make_plan(instruction)

    assert caught.value.message.endswith((".", "here."))
    assert caught.value.capable_tier in ("pro", "max")
    assert len(caught.value.suggestions) == 3
    for suggestion in caught.value.suggestions:
        assert make_plan(suggestion).steps


def test_a_refusal_names_the_words_that_were_not_understood():
    with pytest.raises(NotUnderstood, match="“dragon”"):
        make_plan("make it brighter and add a dragon")


def test_what_was_understood_beside_it_is_offered_alone():
    with pytest.raises(NotUnderstood, match="I understood “make it brighter”") as caught:
        make_plan("make it brighter and add a dragon")

    assert caught.value.suggestions[0] == "make it brighter"


@pytest.mark.parametrize("instruction", [*EXAMPLES, *(example.instruction for example in OFFERED)])
def test_every_example_that_is_offered_works(instruction):
    assert make_plan(instruction).steps


def test_strength_words_really_scale():
    amounts = [make_plan(f"make it {how} brighter").steps[0].number("amount") for how in ("a little", "", "much")]

    assert amounts == sorted(amounts)
    assert len(set(amounts)) == 3


@given(st.text(max_size=400))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_plan_or_a_refusal(text):
    try:
        plan = make_plan(text)
    except NotUnderstood:
        return
    assert plan.steps


@given(
    st.lists(
        st.sampled_from("make it brighter warmer and , then rotate 90 % degrees crop 16:9 by a lot 1e9 -5 half".split())
    )
)
@settings(max_examples=300, deadline=None)
def test_any_mixture_of_our_words_is_a_plan_or_a_refusal(words):
    try:
        plan = make_plan(" ".join(words))
    except NotUnderstood:
        return
    assert plan.steps
