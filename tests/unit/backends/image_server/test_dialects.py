"""What a server is, and which of its models is asked for, from its list of models."""

import pytest

from kontext_ui.backends.image_server.dialects import recognise


def listed(owner, *names):
    return {"object": "list", "data": [{"id": name, "object": "model", "owned_by": owner} for name in names]}


@pytest.mark.parametrize(
    ("owner", "names", "dialect", "model"),
    [
        ("vllm", ("flux", "my-kontext"), "vllm-omni", "flux"),
        ("sglang", ("flux", "my-kontext"), "sglang", "my-kontext"),
        ("somebody", ("flux", "my-kontext"), "openai", "my-kontext"),
        ("somebody", ("flux", "other"), "openai", "flux"),
        ("somebody", (), "openai", ""),
    ],
)
def test_of_several_names_the_one_that_takes_edits_is_asked_for(owner, names, dialect, model):
    found, asked = recognise(listed(owner, *names))
    assert (found.name, asked) == (dialect, model)
