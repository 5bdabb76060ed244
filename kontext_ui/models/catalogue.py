"""Every model that the program knows, by id. A backend names those that it carries."""

from __future__ import annotations

from collections.abc import Mapping

from kontext_ui.edits import Tier
from kontext_ui.models import flux2, flux3, kontext
from kontext_ui.models.model import Model

MODELS: Mapping[str, Model] = {model.id: model for model in (*kontext.MODELS, *flux2.MODELS, *flux3.MODELS)}
_USUAL: Mapping[Tier, str] = {model.tier: model.id for model in kontext.MODELS}


def usual(tier: Tier) -> str:
    """The id of the model that a tier means unless another is asked for; empty for this machine's tier."""
    return _USUAL.get(tier, "")


def name_of(model_id: str) -> str:
    """What people know a model by; the id itself of one that is not known any more."""
    return MODELS[model_id].name if model_id in MODELS else model_id


def id_of(name: str) -> str:
    """The id that a recipe means: older ones have the model's name, which stood for its tier's usual model."""
    return name if name in MODELS or not _is_name(name) else ""


def _is_name(text: str) -> bool:
    return " " in text or not text.islower()
