"""The list of planted faults follows the code, although planting them takes an hour and is done by hand."""

from tests.conftest import ROOT
from tests.mutants_planted import MUTANTS


def test_the_text_of_each_fault_stands_in_exactly_one_place():
    sources = [*(ROOT / "kontext_ui").rglob("*.py"), *(ROOT / "assets").rglob("*.js")]
    program = "\0".join(path.read_text(encoding="utf-8") for path in sources)

    assert {mutant.promise: program.count(mutant.text) for mutant in MUTANTS if program.count(mutant.text) != 1} == {}


def test_each_fault_is_one_and_names_tests_that_are_there():
    for mutant in MUTANTS:
        assert mutant.fault != mutant.text
        assert all((ROOT / test).exists() for test in mutant.tests), mutant.promise
