"""What is said about a key, before it is used for an edit."""

import pytest

from kontext_ui.editor import EditDraft
from kontext_ui.edits import Tier
from kontext_ui.errors import BackendUnavailable, CredentialsRejected, InvalidRequest, MissingCredentials
from tests.unit.editor.conftest import OWNER, picture
from tests.unit.editor.scripted import ScriptedBackend


class CheckedBackend(ScriptedBackend):
    """Answers ``verify_key`` with a number, ``None`` or an error."""

    def __init__(self, answer, **options):
        super().__init__(**options)
        self.answer = answer
        self.asked = []

    async def verify_key(self, key=None):
        self.asked.append(key)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def test_a_pasted_key_is_asked_about_and_its_credit_told(make_desk):
    backend = CheckedBackend(12.345, ready=False)
    desk = await make_desk(backend, tell_credit=False)
    desk.editor.accounts.set_key(OWNER, "scripted", " mine ")

    check = await desk.editor.accounts.check_key(OWNER, "scripted")

    assert backend.asked == ["mine"]
    assert (check.state, check.credit_usd) == ("accepted", 12.345)
    assert "$12.35" in check.message or "$12.34" in check.message


async def test_the_owners_own_credit_is_told_only_where_that_is_wanted(make_desk):
    open_desk = await make_desk(CheckedBackend(12.0), tell_credit=True)
    shut_desk = await make_desk(CheckedBackend(12.0), tell_credit=False)

    assert (await open_desk.editor.accounts.check_key(OWNER, "scripted")).credit_usd == 12.0
    shut = await shut_desk.editor.accounts.check_key(OWNER, "scripted")
    assert (shut.state, shut.credit_usd) == ("accepted", None)
    assert "12" not in shut.message


async def test_without_a_key_nobody_is_asked(make_desk):
    backend = CheckedBackend(1.0, ready=False)
    desk = await make_desk(backend)

    assert (await desk.editor.accounts.check_key(OWNER, "scripted")).state == "unknown"
    assert backend.asked == []


@pytest.mark.parametrize(
    ("answer", "state", "said"),
    [
        (CredentialsRejected("Scripted refused the key.", backend="scripted"), "refused", "refused the key."),
        (BackendUnavailable("Scripted cannot be reached.", backend="scripted"), "unknown", "could not be checked"),
        (TimeoutError(), "unknown", "did not answer in time"),
        (None, "accepted", "accepts the key."),
    ],
)
async def test_every_answer_becomes_a_sentence(make_desk, answer, state, said):
    desk = await make_desk(CheckedBackend(answer))

    check = await desk.editor.accounts.check_key(OWNER, "scripted")

    assert check.state == state
    assert said in check.message


async def test_a_provider_that_cannot_be_asked_is_said_to_be_such(make_desk):
    desk = await make_desk(ScriptedBackend())

    assert (await desk.editor.accounts.check_key(OWNER, "scripted")).state == "unknown"
    with pytest.raises(InvalidRequest):
        await desk.editor.accounts.check_key(OWNER, "nobody")


async def test_a_pasted_key_is_used_for_its_own_visitor_alone_and_gone_once_forgotten(make_desk):
    backend = ScriptedBackend(ready=False)
    desk = await make_desk(backend)
    desk.editor.accounts.set_key(OWNER, "scripted", "mine")
    theirs = await desk.editor.projects.create("eve")
    await desk.editor.pictures.open("eve", theirs.id, picture(), "photo.png")

    assert (await desk.edit()).version is not None
    assert [task.key for _, task in backend.submits] == ["mine"]
    with pytest.raises(MissingCredentials):
        await desk.editor.edits.submit("eve", theirs.id, EditDraft("mine too", Tier.PRO))
    assert (await desk.editor.accounts.check_key("eve", "scripted")).message == "There is no key for Scripted yet."

    desk.editor.accounts.forget_key(OWNER, "scripted")
    with pytest.raises(MissingCredentials):
        await desk.send()
    assert not desk.editor.accounts.tiers(OWNER)[0].backends[0].own_key
    assert len(backend.submits) == 1
