"""What an image server draws with, told by the model's name, and what such a model wants.

Steps and guidance are always sent, since servers fill in others of their own: distilled models ask for few steps and
no guidance, and SGLang refuses any but 1 for them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from kontext_ui.backends.image_server.dialects import Wanted
from kontext_ui.edits import Parameter, SizeRule
from kontext_ui.models import flux2, kontext

NO_GUIDANCE = 1.0


@dataclass(frozen=True)
class Served:
    """``words`` are the parts of a name that tell it, in small letters."""

    words: tuple[str, ...]
    label: str
    steps: int
    guidance: float = NO_GUIDANCE
    rule: Callable[[float], SizeRule] = flux2.size_rule
    """From megapixels to the sizes that are asked for."""

    @property
    def distilled(self) -> bool:
        return self.guidance == NO_GUIDANCE

    def parameters(self, steps: int | None) -> tuple[Parameter, ...]:
        """``steps`` is a setting's; ``None``: as many as the model wants."""
        offered = []
        for each in kontext.open_weights_parameters(steps or self.steps):
            if each.name == "guidance_scale":
                if self.distilled:
                    continue
                each = dataclasses.replace(each, default=self.guidance)
            offered.append(each)
        return tuple(offered)

    def completed(self, wanted: Wanted) -> Wanted:
        """With this model's own steps and guidance where none were given; a distilled one takes no guidance."""
        own = self.distilled or not wanted.guidance
        guidance = self.guidance if own else wanted.guidance
        return dataclasses.replace(wanted, steps=wanted.steps or self.steps, guidance=guidance)


KONTEXT = Served(("kontext",), kontext.DEV_LABEL, kontext.STEPS, kontext.GUIDANCE, kontext.size_rule)
KNOWN = (
    KONTEXT,
    Served(("klein", "flux-3"), "FLUX 3 Image Klein", 16),
    Served(("klein", "9b-base"), "FLUX.2 [klein] 9B base", 50, 4.0),
    Served(("klein", "base"), "FLUX.2 [klein] 4B base", 50, 4.0),
    Served(("klein", "9b"), flux2.KLEIN_9B.name, 4),
    Served(("klein",), flux2.KLEIN_4B.name, 4),
    Served(("flux.2-dev",), "FLUX.2 [dev]", 28, 4.0),
)


def served_as(model: str) -> Served:
    """``model`` is what the server or a setting calls it; what tells nothing is taken for FLUX.1 Kontext."""
    name = model.lower().replace("flux-2", "flux.2").replace("flux3", "flux-3")
    return next((each for each in KNOWN if all(word in name for word in each.words)), KONTEXT)


def label_of(model: str) -> str:
    """What people see: the model's usual name, or the server's own where it is none that is known."""
    named = model.rpartition("/")[2]
    known = served_as(model)
    return named if named and known is KONTEXT and "kontext" not in named.lower() else known.label
