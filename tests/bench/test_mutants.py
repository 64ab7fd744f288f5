"""Mutants of compiled gateways: that each is one line's worth, and that what is excused exists. bench/mutants.py runs them."""

import pytest
import yaml

from bench import mutants, mutants_in_vm, mutate

SAME = yaml.safe_load((mutants.ROOT / "bench/equivalent.yaml").read_text())


@pytest.fixture(scope="module")
def gateways():
    return [mutants.load(path) for path in mutants.PROFILES]


@pytest.fixture(scope="module")
def every(gateways):
    return [(gateway, mutant) for gateway in gateways for mutant in mutate.mutants(gateway.files, gateway.zones)]


def test_a_mutant_changes_one_line_and_nothing_else(every):
    for gateway, mutant in every:
        files = mutant.apply(gateway.files)
        assert {path for path in files if files[path] != gateway.files[path]} == {mutant.path}, mutant
        if mutant.kind == mutate.MASKED:
            continue
        old, new = (some[mutant.path].text.split("\n") for some in (gateway.files, files))
        assert old[: mutant.line - 1] == new[: mutant.line - 1], mutant
        kept = len(old) - mutant.line
        assert old[-kept:] == new[-kept:] or not kept, mutant


def test_there_are_enough_of_every_kind(every):
    kinds = {mutant.kind for _, mutant in every}
    wanted = {
        "rule dropped",
        "rule widened",
        "verdict turned",
        "policy turned",
        "port opened",
        "port widened",
        "port moved",
        "zone opened",
        "element dropped",
        "address changed",
        "key dropped",
        "key misspelt",
        "value flipped",
        "number raised",
        "number lowered",
        "MAC address changed",
        "hosts entry dropped",
        "unit masked",
    }
    assert wanted <= kinds
    assert len({(gateway.name, mutant) for gateway, mutant in every}) > 2000


@pytest.mark.parametrize("entry", SAME, ids=lambda entry: f"{entry['file']} {entry['line']}"[:60])
def test_every_excuse_is_for_something(every, entry):
    assert any(mutants.equivalent(gateway.name, mutant, [entry]) for gateway, mutant in every)
    assert entry["why"]


def test_excuses_are_few(every):
    """Else a line that matters may hide behind one."""
    excused = [mutant for gateway, mutant in every if mutants.equivalent(gateway.name, mutant, SAME)]
    assert len(excused) < len(every) / 4
    assert not any("policy" in mutant.kind or "zone" in mutant.kind for mutant in excused)


def test_the_choice_is_the_same_for_the_same_seed(gateways):
    once, again, other = (mutants.chosen(gateways, 40, seed) for seed in (1, 1, 2))
    assert once == again != other
    assert len({mutant.kind for _, mutant in once}) > 15


def test_what_a_machine_is_asked_comes_into_its_image(gateways):
    found = mutants_in_vm.chosen(gateways[:1], 1000, 1, SAME)
    assert found
    for _, mutant in found:
        assert mutant.path.startswith("config/") or "mkosi.extra/usr/lib/s" in mutant.path
