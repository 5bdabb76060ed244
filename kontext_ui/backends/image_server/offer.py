"""What image servers offer, given the dialect that they speak, and what has to be left out of a request."""

from __future__ import annotations

from kontext_ui.backends.image_server.dialects import Dialect
from kontext_ui.backends.image_server.served import label_of, served_as
from kontext_ui.edits import Capabilities, Mode, Parameters, SizeRule
from kontext_ui.models import kontext

BY_DIALECT = ("seed", "num_inference_steps", "guidance_scale")
"""Parameters that some servers do not accept."""
NO_FIELD = "This image server's protocol has no field for it."
UNSUPPORTED = {
    **kontext.NOT_TAKEN_BY_OPEN_WEIGHTS,
    "safety_tolerance": "What the server filters is set there.",
}


def capabilities_of(
    dialect: Dialect | None,
    *,
    steps: int | None,
    size_rule: SizeRule,
    model: str,
    typical_s: float,
    max_in_flight: int,
    paid: bool,
    notes: tuple[str, ...] = (),
) -> Capabilities:
    """``dialect`` is ``None`` before a server was recognised, and where several are spoken: then all is offered,
    and what a server does not accept is reported with its result."""
    untold = () if dialect is None else tuple(name for name in BY_DIALECT if not dialect.takes(name))
    masked = dialect is not None and dialect.mask is not None
    return Capabilities(
        model=label_of(model),
        modes=frozenset({Mode.EDIT, Mode.INPAINT} if masked else {Mode.EDIT}),
        parameters=tuple(each for each in served_as(model).parameters(steps) if each.name not in untold),
        unsupported={**UNSUPPORTED, **dict.fromkeys(untold, NO_FIELD)},
        size_rule=size_rule,
        price_usd=0.0,
        inpaint_price_usd=0.0,
        bills_untold=paid,
        price_note="What the server's owner bills is not known here." if paid else "",
        typical_s=typical_s,
        max_in_flight=max_in_flight,
        notes=(
            "Your picture goes to the image server that was set up for this program, and nowhere else.",
            kontext.DRAWS_ONE_MEGAPIXEL,
            *notes,
        ),
    )


def left_out(dialect: Dialect, parameters: Parameters) -> tuple[str, ...]:
    """A sentence for each given parameter that this server does not accept."""
    given = parameters.given()
    return tuple(
        f"{name.replace('_', ' ')} is left out: {NO_FIELD[0].lower()}{NO_FIELD[1:]}"
        for name in BY_DIALECT
        if name in given and not dialect.takes(name)
    )
