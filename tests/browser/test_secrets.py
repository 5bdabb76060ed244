"""A key is sent to its provider and is nowhere else: not stored, logged, exported, shown or told in an error."""

import pytest

from tests.browser.conftest import Visitor
from tests.browser.test_nothing_is_lost import settled

pytestmark = pytest.mark.browser

OF_THE_OWNER = "bfl_planted-by-the-owner-0123456789"
OF_A_VISITOR = "bfl_planted-by-a-visitor-0123456789"
REFUSED = "bfl_planted-and-refused-0123456789"
NOT_EVEN_A_KEY = "planted and not a key 0123456789"
SECRETS = (OF_THE_OWNER, OF_A_VISITOR, REFUSED, NOT_EVEN_A_KEY)
SCENARIOS = ("success", "moderated", "no_credit", "invalid", "gossip", "malformed", "foreign_poll", "not_a_picture")


@pytest.fixture
def hosted(make_hosted, bfl):
    bfl.key = OF_THE_OWNER
    bfl.more_keys = [OF_A_VISITOR]
    bfl.pending = 0
    return make_hosted(KONTEXT_UI_LOG_LEVEL="DEBUG", KONTEXT_UI_FALLBACK="true")


@pytest.fixture
def visitor(hosted):
    visitor = Visitor(hosted.url)
    visitor.said = []
    visitor.http.event_hooks["response"] = [lambda response: visitor.said.append(response.read().decode("latin-1"))]
    yield visitor
    visitor.http.close()


def every_scenario(visitor):
    for scenario in SCENARIOS:
        visitor.do("submit", draft={"instruction": f"make it red [[{scenario}]]", "tier": "pro"})
        settled(visitor)


def test_planted_keys_are_found_nowhere(hosted, visitor, bfl):
    visitor.upload()
    every_scenario(visitor)
    for key in (NOT_EVEN_A_KEY, REFUSED, OF_A_VISITOR):
        visitor.do("set_key", backend="bfl", key=key)
        every_scenario(visitor)
    state = visitor.state()
    newest = state["versions"][-1]
    for format_name in ("png", "jpeg", "webp"):
        visitor.http.get(f"/kontext/export/{visitor.project}/{newest['id']}", params={"format": format_name})
    visitor.do("check", draft={"instruction": "go", "tier": "pro"})
    hosted.kill()

    assert len(bfl.submitted) > 0
    assert len(state["versions"]) > 1
    assert "The account of (your key) is locked" in "".join(visitor.said)
    found = [(secret, "page") for secret in SECRETS for page in visitor.said if secret in page]
    found += [(secret, "log") for secret in SECRETS if secret in hosted.output]
    for path in filter(lambda path: path.is_file(), hosted.folder.rglob("*")):
        found += [(secret, path.name) for secret in SECRETS if secret.encode() in path.read_bytes()]
    assert found == []
