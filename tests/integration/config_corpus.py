"""tests/data/config_wrong and config_right: configurations as people write
them.  Each wrong one has all that "stoxd --check" says of it beside it, as
NAME.txt; a right one gives no alarm."""
import os
import re
import shutil
import subprocess

from peers.daemon import BUILD, ROOT
from peers.lab import DATA
from peers.runner import case

STOXD = os.path.join(BUILD, "stoxd")


def check(dir, name):
    return subprocess.run([STOXD, "--check", "-c", name], cwd=dir, text=True,
                          capture_output=True, timeout=20)


def copy(t, name):
    """Files that everyone may read are no place for secrets, but a clone of
    the sources makes no others."""
    dir = t.path(name)
    shutil.copytree(os.path.join(DATA, name), dir)
    os.chmod(os.path.join(dir, "present"), 0o600)
    return dir, sorted(f for f in os.listdir(dir) if f.endswith(".conf"))


@case(timeout=120)
async def wrong_ones_are_told_whole(t):
    dir, names = copy(t, "config_wrong")
    assert len(names) >= 100, len(names)
    bad = []
    for name in names:
        r = check(dir, name)
        with open(os.path.join(dir, name[:-5] + ".txt")) as f:
            want = f.read()
        if r.stderr != want or r.returncode != 1 or r.stdout:
            bad.append("%s: status %d, got\n%s%sexpected\n%s" % (
                name, r.returncode, r.stdout, r.stderr, want))
    assert not bad, "\n".join(bad)


@case
async def wrong_ones_name_a_place_and_the_manual(t):
    """Each line has file and line, what was found, where to read on; the
    manual has that section and that key."""
    with open(os.path.join(ROOT, "docs", "stoxd.conf.5")) as f:
        man = f.read()
    dir, names = copy(t, "config_wrong")
    kinds = {}
    for name in names:
        kind = name.partition("-")[0]
        kinds[kind] = kinds.get(kind, 0) + 1
        with open(os.path.join(dir, name[:-5] + ".txt")) as f:
            lines = f.read().splitlines()
        assert len(lines) >= (3 if kind == "three" else 1), name
        for line in lines:
            m = re.match(r"(\S+?\.conf)(:\d+)?: .*[Ss]ee stoxd\.conf\(5\)"
                         r"(?:, \[([a-z]+)(?: NAME)?\](?: (\w+))?)?$", line)
            assert m and m.group(1) == name, line
            section, key = m.group(3), m.group(4)
            assert not section or re.search(
                r"^\.Ss \[%s[] ]" % section, man, re.M), line
            assert not key or re.search(r"^\.It Ic %s\b" % key, man, re.M), \
                line
            assert "hunter2" not in line, line
    for kind in ("section", "key", "type", "range", "twice", "missing",
                 "file", "clash"):
        assert kinds.get(kind, 0) >= 10, (kind, kinds)


@case
async def guides_name_what_there_is(t):
    """docs/from-*.md: each "[section] key" is one of the manual's."""
    docs = os.path.join(ROOT, "docs")
    with open(os.path.join(docs, "stoxd.conf.5")) as f:
        man = f.read()
    guides = [n for n in os.listdir(docs) if n.startswith("from-")]
    assert len(guides) == 4, guides
    for name in guides:
        with open(os.path.join(docs, name)) as f:
            text = f.read()
        found = re.findall(r"\[(\w+)(?: NAME)?\]`? `?(\w+)", text)
        assert len(found) > 3, (name, found)
        for section, key in found:
            if not re.search(r"^\.Ss \[%s[] ]" % section, man, re.M):
                continue        # of the other program
            part = re.split(r"^\.Ss \[%s[] ].*$" % section, man,
                            flags=re.M)[1].split("\n.Ss ")[0]
            assert re.search(r"^\.It Ic %s\b" % key, part, re.M) \
                or key == "and", (name, section, key)


@case(timeout=60)
async def right_ones_give_no_alarm(t):
    dir, names = copy(t, "config_right")
    assert len(names) >= 40, len(names)
    bad = []
    for name in names:
        r = check(dir, name)
        if r.returncode or r.stderr or "# note" in r.stdout:
            bad.append("%s: status %d\n%s" % (
                name, r.returncode,
                r.stderr or "\n".join(x for x in r.stdout.splitlines()
                                      if x.startswith("#"))))
    assert not bad, "\n".join(bad)


@case
async def sound_behind_nat_is_noted(t):
    text = ("[xmpp]\ncomponent = sip.example.com\nsecret = x\n"
            "domains = example.com\n[sip]\npublic_address = 203.0.113.9\n"
            "[media]\naddress = 10.1.2.3\n")
    for more, noted in (("", True), ("public_address = 203.0.113.9\n", False)):
        with open(t.path("nat.conf"), "w") as f:
            f.write(text + more)
        r = check(t.dir, "nat.conf")
        assert r.returncode == 0, r.stderr
        assert ("# note: [sip] public_address" in r.stdout) == noted, r


@case
async def first_rule_changes_what_users_dial(t):
    text = ("[xmpp]\ncomponent = sip.example.com\nsecret = x\n"
            "domains = example.com\n[trunk pbx]\nuri = sip:192.0.2.1\n%s%s")
    rule = "[route]\nout = from * to * via pbx\n"
    other = "[trunk two]\nuri = sip:192.0.2.2\n"
    for more, rules, noted in (("", "", False), ("", rule, True),
                               ("addressing = trunk\n", rule, False),
                               ("addressing = escaped\n", rule, False),
                               ("", other + rule, False)):
        with open(t.path("rule.conf"), "w") as f:
            f.write(text % (more, rules))
        r = check(t.dir, "rule.conf")
        assert r.returncode == 0, r.stderr
        want = "addressing = trunk in [trunk pbx] keeps 600@COMPONENT"
        assert ("# note" in r.stdout) == (want in r.stdout) == noted, r
