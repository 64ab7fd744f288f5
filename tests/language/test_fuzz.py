"""Whatever the profile says, the answer is files or problems: never an exception, never a stray control character.

And what the checker accepts, Debian's own networkd, udev, resolved, nft and mkosi take in silence. `--documents N` asks
for more documents than the usual run does, `--seed N` for those of a seed.
"""

import json
import re
import subprocess
import time
import unicodedata
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gwimage import compiler
from gwimage.build import host, tools
from gwimage.build.progress import Steps
from gwimage.compiler import output_tree
from gwimage.language import source
from gwimage.problem import as_text, errors, to_json
from tests.support import debian_oracle
from tests.support.documents import documents

STRAY = ("Cc", "Cs", "Zl", "Zp")
BATCH = 100
NFT, RAW = "config/etc/nftables/gwimage.nft", 'comment "firewall.raw.'
FRESH = "[Resolve]\nDNSStubListenerExtra=\n"  # forgets the profile before, which may have the same address
HANG = 2.0  # seconds; a usual document takes 3 ms
USUAL = {"suppress_health_check": list(HealthCheck)}


def ask(raw) -> dict:
    """The files of one document, once everything that must hold for each was seen to hold."""
    start = time.process_time()
    files, problems = compiler.compile(source.parse(raw, "p.yaml"))
    assert time.process_time() - start < HANG
    assert bool(files) != bool(errors(problems))
    for problem in problems:
        lines = as_text(problem).splitlines()
        assert problem.place
        assert to_json(problem)
        assert len(lines) <= 4
        assert all(c.isprintable() for line in lines for c in line)
    for path, file in files.items():
        assert not {c for c in file.text + file.link if unicodedata.category(c) in STRAY} - {"\n"}, path
        assert ".." not in path.split("/")
        assert not path.startswith("/")
    return files


@pytest.fixture(scope="module")
def accepted(request):
    """Files of the accepted documents, by what they say; all documents went through `ask`."""
    found, count = {}, Counter()

    @settings(max_examples=request.config.getoption("--documents"), **USUAL)
    @given(documents())
    def run(raw):
        files = ask(raw)
        count["accepted" if files else "refused"] += 1
        files.pop("manifest.json", None)
        if files:
            found[hash(tuple(files.items()))] = files

    run()
    print(f"\n{count.total()} documents, {count['accepted']} accepted, {len(found)} of them different")
    assert count["accepted"] > count.total() / 50
    return list(found.values())


def apart(files: dict, number: int) -> dict:
    """networkd makes one device of a name, so each document's own get other names."""
    made = [path.rpartition("/")[2][3:-7] for path in files if path.endswith(".netdev")]
    found = {}
    for path, file in files.items():
        text = file.text
        for index, name in enumerate(made if path.endswith((".network", ".netdev")) else ()):
            text = text.replace(f"={name}\n", f"=p{number}-{index}\n")
        found[path] = replace(file, text=text)
    return found


def without_raw(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if RAW not in line)


def test_networkd_udev_and_resolved_are_silent(accepted, tmp_path):
    for start in range(0, len(accepted), BATCH):
        tree = tmp_path / str(start)
        merged = {}
        for number, files in enumerate(accepted[start : start + BATCH]):
            for path, file in apart(files, number).items():
                folder, _, name = path.removeprefix("config/").rpartition("/")
                if folder.startswith(("etc/systemd/network", "etc/systemd/resolved")):
                    merged[f"{folder}/p{number:03}-{name}"] = replace(file, text=file.text.replace("[Resolve]\n", FRESH))
        output_tree.write(merged | {"manifest.json": merged.popitem()[1]}, str(tree))
        (tree / "manifest.json").unlink()
        assert debian_oracle.networkd(tree) == []
        assert debian_oracle.resolved(tree) == []


def test_nft_is_silent(accepted, tmp_path):
    for start in range(0, len(accepted), BATCH):
        texts = [without_raw(files[NFT].text) for files in accepted[start : start + BATCH]]
        rules = tmp_path / "rules.nft"
        rules.write_text("".join(text.replace("table inet gwimage", f"table inet gw{i}") for i, text in enumerate(texts)))
        assert debian_oracle.nft(rules) == []


def test_raw_rules_stay_in_their_line(accepted, tmp_path):
    """They may be nonsense to nft, but it says so of them alone."""
    texts = [files[NFT].text for files in accepted]
    for text in [text for text in texts if RAW in text][:BATCH]:
        rules = tmp_path / "rules.nft"
        rules.write_text(text)
        lines = text.splitlines()
        for said in debian_oracle.nft(rules):
            if place := re.match(r"/dev/stdin:([0-9]+):", said):
                assert RAW in lines[int(place[1]) - 1]


def test_mkosi_is_silent(accepted, tmp_path):
    """Its part of a profile is small: one of each kind."""
    kinds = {files["mkosi.conf.d/10-profile.conf"].text.partition("[Content]")[2]: files for files in accepted}
    mkosi = tools.mkosi(Steps(tmp_path / "log"), host.mirror(), "trixie")
    for number, files in enumerate(list(kinds.values())[:30]):
        output_tree.write(files | {"manifest.json": files["mkosi.conf"]}, str(tmp_path / str(number)))
        argv = [*mkosi.argv, "--directory", str(tmp_path / str(number)), "--json", "summary"]
        done = subprocess.run(argv, env=mkosi.environment(), capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["Images"]


@given(st.binary(max_size=60) | st.text(max_size=60))
@settings(max_examples=150, **USUAL)
def test_noise(raw):
    ask(raw)
