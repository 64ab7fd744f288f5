"""Dialog of `gwimage init`: repeats each question until the checker accepts the answer.

What it only warns of is taken when it is given again.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

from gwimage.commands import init_template
from gwimage.commands.init_template import Answers, LanAnswer
from gwimage.compiler.loading import load
from gwimage.language import source
from gwimage.problem import Problem, errors


def hold(answers: Answers) -> Answers:
    """Asks all questions; `answers` holds the proposals. Returns the complete answers."""
    click.echo("Enter takes what stands in brackets.\n", err=True)
    answers = _ask("Name of the gateway", answers.name, answers, ("name",), lambda text: replace(answers, name=text))
    question = "Its address outside: dhcp, or ADDRESS/PREFIX GATEWAY"
    answers = _ask(question, answers.wan, answers, ("wans",), lambda text: replace(answers, wan=text))
    lan, *others = answers.lans
    proposed = init_template.first_lan(answers.wan) if lan.address in init_template.FIRST else lan.address
    question = "Its address inside, with prefix length"
    answers = _ask(
        question, proposed, answers, ("lans",), lambda text: replace(answers, lans=(replace(lan, address=text), *others))
    )
    while name := _prompt("One more network inside, such as iot or guests (a name, or Enter for no more)", ""):
        answers = _one_more(answers, name)
    return _ask_key(answers)


def _one_more(answers: Answers, name: str) -> Answers:
    lans = answers.lans
    nic = f"net{len({lan.nic for lan in lans}) + 1}"
    fresh = LanAnswer(name, nic, None, init_template.next_lan(lans))
    if found := errors(_problems(replace(answers, lans=(*lans, fresh)), ("lans", name))):
        _say(found)
        return answers

    def on_card(text: str) -> Answers:
        card, _, vlan = text.partition(".")
        return replace(answers, lans=(*lans, replace(fresh, nic=card, vlan=vlan or None)))

    answers = _ask(f"Its card, or card.vlan such as {lans[0].nic}.20", nic, answers, ("lans", name), on_card)
    placed = answers.lans[-1]
    question = f"Address of the gateway on {name}"
    return _ask(
        question,
        placed.address,
        answers,
        ("lans", name),
        lambda text: replace(answers, lans=(*lans, replace(placed, address=text))),
    )


def _ask_key(answers: Answers) -> Answers:
    found = [path for path in sorted(Path("~/.ssh").expanduser().glob("id_*.pub")) if path.is_file()]
    proposed = str(found[0]) if found else "none"

    def with_key(text: str) -> Answers:
        return replace(answers, ssh_key="" if text == "none" else public_key(text))

    return _ask("Your public SSH key, a .pub file (or none)", proposed, answers, ("system",), with_key)


def public_key(path: str) -> str:
    """First line of a .pub file, empty if there is none. Raises OSError."""
    lines = Path(path).expanduser().read_text(errors="replace").strip().splitlines()
    return lines[0].strip() if lines else ""


def _ask(question: str, proposed: str, answers: Answers, place: tuple[str, ...], apply: Callable[[str], Answers]) -> Answers:
    while True:
        try:
            fresh = apply(answer := _prompt(question, proposed))
        except OSError as error:
            click.echo(f"  {error}", err=True)
            continue
        found = _problems(fresh, place)
        _say(found)
        if not found or (answer == proposed and not errors(found)):
            return fresh
        proposed = proposed if errors(found) else answer  # a warning: given twice, it is meant


def _problems(answers: Answers, place: tuple[str, ...]) -> list[Problem]:
    """Problems in the part of the profile that was asked about; YAML syntax errors count for every question."""
    _, problems = load(source.parse(init_template.text(answers), "profile"))
    return [problem for problem in problems if not problem.path or problem.path[: len(place)] == place]


def _say(problems: list[Problem]) -> None:
    for problem in problems:
        hint = f" ({problem.hint})" if problem.hint else ""
        click.echo(f"  {'' if problem.severity == 'error' else 'warning: '}{problem.message}{hint}", err=True)


def _prompt(question: str, proposed: str) -> str:
    return click.prompt(question, default=proposed, show_default=bool(proposed), err=True).strip()
