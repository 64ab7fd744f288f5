"""The commands: arguments in, exit status out. Catches the program's two exceptions; everything else is a bug.

Exit status: 0 fine; 1 the profile or the verification failed; 2 usage; 3 a tool or the host failed.
Imports of a command stand in it, so that `check` starts as fast as it can.
"""

import json
import os
import signal
import sys
from pathlib import Path

import click

from gwimage import __version__, features
from gwimage.commands import diagnostics
from gwimage.commands.build import build, rebake
from gwimage.commands.common import FAILED, PROFILE, TOOL, USAGE, loaded, show_problems
from gwimage.commands.seed import seed
from gwimage.commands.verify import verify
from gwimage.commands.wg import wg
from gwimage.compiler import output_file
from gwimage.compiler.loading import load
from gwimage.language import source as sources
from gwimage.problem import ProfileError, ToolError, errors, warned

PORT = click.IntRange(1, 65535)
PORT.name = "port"
PROFILES = click.argument("profiles", nargs=-1, required=True, type=click.Path(dir_okay=False))


def main() -> None:
    """The program: `gwimage`, `python -m gwimage`."""
    for ends in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ends) is signal.SIG_DFL:  # nohup(1) ignores SIGHUP
            signal.signal(ends, lambda number, _: sys.exit(128 + number))  # so that half work is cleaned up
    try:
        sys.exit(cli(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(128 + signal.SIGINT)
    except OSError as error:
        click.echo(f"gwimage: {error}", err=True)
        sys.exit(TOOL)
    except ProfileError as error:
        show_problems(error.problems)
        sys.exit(FAILED)
    except ToolError as error:
        click.echo(f"gwimage: {' '.join(error.argv)} failed (exit status {error.status}):\n{error.stderr}", err=True)
        sys.exit(TOOL)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gwimage")
def cli() -> None:
    """Compile a gateway profile into a minimal Debian 13 image, build it, and prove from outside that it works."""


cli.add_command(build)
cli.add_command(rebake)
cli.add_command(wg)
cli.add_command(verify)
cli.add_command(seed)


@cli.command()
@PROFILES
@click.option("--strict", is_flag=True, help="Warnings too make the exit status 1.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif"]),
    default="text",
    help="text: the first 100 problems, on stderr; json, sarif: all (at most 1,000 of a profile), on stdout.",
)
def check(profiles: tuple[str, ...], strict: bool, form: str) -> None:
    """Say everything that is wrong with PROFILES (`-` is standard input); write nothing."""
    problems = [problem for name in profiles for problem in load(sources.read(name))[1]]
    if form == "text":
        show_problems(problems)
    else:
        click.echo(diagnostics.sarif(problems) if form == "sarif" else diagnostics.as_json(problems))
    sys.exit(FAILED if errors(problems) or (strict and warned(problems)) else 0)


@cli.command()
@click.option(
    "-o", "--output", default="gateway.yaml", show_default=True, type=click.Path(dir_okay=False), help="File to write."
)
@click.option("--name", help="Name of the gateway.")
@click.option("--wan", metavar="dhcp|'ADDRESS/PREFIX GATEWAY'", help="The address outside.")
@click.option("--lan", "lans", multiple=True, metavar="NAME=CARD[.VLAN]=ADDRESS/PREFIX", help="A network inside; repeatable.")
@click.option("--ssh-key", type=click.Path(exists=True, dir_okay=False), help="Your public key, a .pub file.")
@click.option("--yes", is_flag=True, help="Ask nothing; take the options and what is usual.")
def init(output: str, name: str | None, wan: str | None, lans: tuple[str, ...], ssh_key: str | None, yes: bool) -> None:
    """Write a first profile, with comments, after a few questions (or from the options alone, with --yes)."""
    from gwimage.commands import init_dialog
    from gwimage.commands import init_template as first

    wan = wan or "dhcp"
    networks = tuple(_network(text) for text in lans) or (first.LanAnswer("lan", "net1", None, first.first_lan(wan)),)
    schemas = str(Path(sources.__file__).parent.parent / "schemas" / "profile.schema.json")
    key = init_dialog.public_key(ssh_key) if ssh_key else ""
    answers = first.Answers(name or "homelab", wan, networks, key, schemas)
    if Path(output).exists():
        raise click.UsageError(f"{output} exists already; give another name with -o")
    text = first.text(answers if yes else init_dialog.hold(answers))
    profile, problems = load(sources.parse(text, output))
    if profile is None:
        raise ProfileError(problems)
    if yes:  # the dialog has said them
        show_problems(problems)
    output_file.create(Path(output), text.encode(), output_file.SHARED)
    click.echo(f"{output} written. Next: gwimage check {output}; gwimage build {output}; gwimage verify {output}", err=True)


def _network(text: str):
    from gwimage.commands import init_template as first

    name, _, rest = text.partition("=")
    card, _, address = rest.partition("=")
    nic, _, vlan = card.partition(".")
    if not address:
        raise click.UsageError(f"--lan {text}: expected NAME=CARD=ADDRESS/PREFIX, such as lan=net1=10.0.0.1/24")
    return first.LanAnswer(name, nic, vlan or None, address)


@cli.command()
@PROFILE
@click.option(
    "--format", "form", type=click.Choice(["text", "svg", "yaml"]), default="text", help="text and svg: the networks."
)
def show(profile: str, form: str) -> None:
    """Show PROFILE: its networks as a picture, or (yaml) the whole profile with all defaults in."""
    import yaml

    from gwimage.profile import defaults
    from gwimage.report import diagram

    ((parsed, source),) = loaded((profile,))
    if form == "yaml":
        click.echo(yaml.safe_dump(defaults.complete(source.data, parsed), sort_keys=False, width=120), nl=False)
    else:
        if form == "text" and parsed.description:
            click.echo(f"{parsed.description}\n")
        draw = diagram.svg if form == "svg" else diagram.text
        click.echo(draw(diagram.derive(parsed)), nl=False)


@cli.command()
@PROFILE
@click.option("--from", "start", metavar="NETWORK[:ADDRESS]", help="Where the packet comes from; an address alone will do.")
@click.option(
    "--to", "end", metavar="NETWORK[:ADDRESS]", help="Where it goes; `gateway`, an address, `wan` for anywhere outside."
)
@click.option("--tcp", type=PORT, metavar="PORT", help="A TCP connection to this port.")
@click.option("--udp", type=PORT, metavar="PORT", help="A UDP packet to this port.")
@click.option("--icmp", is_flag=False, flag_value="echo-request", metavar="[TYPE]", help="ICMP; a ping if no type is given.")
@click.option("--proto", metavar="NAME", help="Another protocol: esp, gre, or a number.")
@click.option("--sport", type=PORT, metavar="PORT", help="Its source port; by default one that clients take.")
@click.option(
    "--lease", "leases", multiple=True, metavar="WAN=ADDRESS/PREFIX", help="What a WAN has from DHCP just now; repeatable."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print the answer.")
def explain(profile: str, start: str | None, end: str | None, leases: tuple[str, ...], form: str, **packet) -> None:
    """Say whether a packet would pass the gateway of PROFILE, by which rule, and which line of PROFILE says so.

    Without a packet: who may open connections to whom.

    Exit status: 0 it passes; 1 it does not; 2 there is no answer, since PROFILE or the question is wrong.
    """
    from gwimage.commands import explain as command

    source = sources.read(profile)
    try:
        parsed, problems = load(source)
        if parsed is None:
            raise ProfileError(problems)
        text, passes = command.run(features.plan(parsed), source, start, end, packet, leases, form)
    except ProfileError as error:
        show_problems(error.problems)
        sys.exit(USAGE)
    click.echo(text)
    sys.exit(0 if passes else FAILED)


@cli.command()
def schema() -> None:
    """Print the profile language as one JSON Schema, for editors: `gwimage schema > profile.schema.json`."""
    from gwimage.language import reference

    click.echo(json.dumps(reference.bundle(), indent=2))


@cli.command()
@PROFILES
@click.option("-o", "--output", required=True, type=click.Path(file_okay=False), help="Directory to write.")
def compile(profiles: tuple[str, ...], output: str) -> None:
    """Write what PROFILES compile to: trees that mkosi alone can build, a NoCloud seed and a manifest in each.

    One profile becomes OUTPUT itself, several OUTPUT/NAME_RELEASE_amd64 each. Nothing is written if any is wrong.
    """
    from gwimage import compiler
    from gwimage.compiler import output_tree
    from gwimage.render import mkosi as definitions

    trees = {}
    for profile, source in loaded(profiles):
        folder = output if len(profiles) == 1 else os.path.join(output, definitions.image_name(profile))
        trees[folder] = compiler.render(profile, source)
    output_tree.write_all(trees)
    count = sum(map(len, trees.values()))
    what = f"{len(trees)} profiles, {count} files" if len(profiles) > 1 else f"{count} files"
    click.echo(f"{output}: {what}; build with `gwimage build`, or with mkosi alone", err=True)
