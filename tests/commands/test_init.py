"""`gwimage init`: whatever is answered, the profile that is written compiles without a word."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from gwimage.commands import init_template, main
from gwimage.compiler import compile
from gwimage.language import source
from tests.support.paths import ROOT

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f you@example\n"


@pytest.fixture
def say(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    def say(*answers: str, options: tuple[str, ...] = ()):
        result = CliRunner().invoke(main.cli, ["init", *options], input="\n".join(answers) + "\n")
        return result, Path("gateway.yaml")

    return say


def compiled(path: Path) -> str:
    files, problems = compile(source.read(str(path)))
    assert files, problems
    assert not problems
    return path.read_text()


def test_enter_is_enough(say):
    result, path = say("", "", "", "", "")
    assert result.exit_code == 0, result.output
    text = compiled(path)
    assert "address: 192.168.77.1/24" in text
    assert "pool: 192.168.77.100-192.168.77.199" in text


def test_wrong_answers_are_asked_again_with_the_checkers_words(say):
    result, path = say(
        "My Gateway", "gw", "203.0.113.2/24", "203.0.113.2/24 203.0.113.1", "10.0.0.0/24", "10.0.0.1/24", "", "no.pub", "none"
    )
    assert result.exit_code == 0, result.output
    assert "did you mean 10.0.0.1/24?" in result.output
    assert "No such file" in result.output
    text = compiled(path)
    assert "name: gw\n" in text
    assert "gateway: 203.0.113.1\n" in text


def test_guests_reach_public_addresses_only(say):
    result, path = say("", "", "", "guests", "", "", "iot", "", "", "", "")
    assert result.exit_code == 0, result.output
    text = compiled(path)
    assert text.count("internet: public") == 1
    assert text.index("  guests:") < text.index("internet: public") < text.index("  iot:")


def test_a_second_network_and_a_key(say):
    Path(".ssh").mkdir()
    Path(".ssh/id_ed25519.pub").write_text(KEY)
    result, path = say("", "", "", "lan", "eth0", "iot", "net2", "192.168.77.7/24", "10.7.0.1/24", "", "")
    assert result.exit_code == 0, result.output
    assert "reserved" in result.output
    assert "overlaps" in result.output
    text = compiled(path)
    assert "  iot:\n    nic: net2\n" in text
    assert KEY.strip() in text


def test_options_alone(say):
    Path("my.pub").write_text(KEY)
    options = (
        "--yes",
        "--name",
        "gw",
        "--wan",
        "192.0.2.2/30 192.0.2.1",
        "--lan",
        "lan=net1=172.16.0.1/22",
        "--ssh-key",
        "my.pub",
    )
    result, path = say(options=options)
    assert result.exit_code == 0, result.output
    assert "pool: 172.16.2.0-172.16.3.254" in compiled(path)
    again, _ = say(options=options)
    assert again.exit_code == 2
    assert "exists already" in again.output


def test_behind_a_fixed_address_any_subnet_will_do(say):
    _, path = say(options=("--yes", "--wan", "192.0.2.2/30 192.0.2.1", "--lan", "lan=net1=192.168.1.1/24"))
    compiled(path)


@pytest.mark.parametrize(
    "options", [("--yes", "--lan", "lan=10.0.0.1/24"), ("--yes", "--wan", "static"), ("--yes", "--name", "a b: c")]
)
def test_wrong_options_write_nothing(say, options):
    result, path = say(options=options)
    assert result.exception
    assert not path.exists()


def test_a_private_key_is_not_taken_for_a_public_one(say):
    Path("key").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjE\n")
    result, path = say("", "", "", "", "key", "none")
    assert "private key" in result.output
    assert "b3Blb" not in result.output + path.read_text()


@given(st.integers(8, 30), st.integers(0, 2**32 - 1))
def test_the_proposed_pool_is_always_right(prefix, number):
    address = f"{init_template.IPv4Interface((number, prefix))}"
    answers = init_template.Answers("gw", "dhcp", (init_template.LanAnswer("lan", "net1", None, address),))
    _, problems = compile(source.parse(init_template.text(answers), "p"))
    assert not [problem for problem in problems if "pool" in problem.path]


def test_the_first_lan_avoids_the_wan():
    assert init_template.first_lan("dhcp") == "192.168.77.1/24"
    assert init_template.first_lan("192.168.77.9/24 192.168.77.1") == "10.77.0.1/24"


def test_the_next_lan_is_none_of_a_home_router():
    def after(address: str) -> str:
        return init_template.next_lan((init_template.LanAnswer("lan", "net1", None, address),))

    assert after("10.0.0.1/24") == "10.0.1.1/24"
    assert after("10.0.0.1/28") == "10.0.1.1/24"
    assert after("192.168.49.1/24") == "192.168.51.1/24"
    assert after("192.168.0.1/24") == "192.168.3.1/24"


def test_a_warning_is_said_and_the_answer_taken_when_given_again(say):
    result, path = say("", "", "192.168.1.1/24", "", "", "")
    assert result.exit_code == 0, result.output
    assert result.output.count("warning: 192.168.1.0/24 is usual for home routers") == 2
    assert "address: 192.168.1.1/24" in path.read_text()


def test_another_answer_after_a_warning(say):
    result, path = say("", "", "192.168.1.1/24", "192.168.9.1/24", "", "")
    assert result.exit_code == 0, result.output
    assert result.output.count("warning: ") == 1
    assert "address: 192.168.9.1/24" in compiled(path)


def test_options_alone_say_warnings_too(say):
    result, path = say(options=("--yes", "--lan", "lan=net1=192.168.178.1/24"))
    assert result.exit_code == 0, result.output
    assert "warning: 192.168.178.0/24 is usual for home routers" in result.output
    assert path.exists()


def test_the_schema_address_leads_to_the_schema(say):
    _, path = say("", "", "", "", "")
    address = path.read_text().splitlines()[0].partition("$schema=")[2]
    assert Path(address).resolve() == ROOT / "schemas/profile.schema.json"
