"""What `make e2e` runs by default, counted from the names of its cells alone:
every pair of values that may meet meets at least once.  That the tone test
itself can say no is shown in selftest/peers.py."""
from peers.runner import case, load

PARTS = ("server", "client", "phone", "direction", "feature")
PAIRS = (("server", "client"), ("client", "phone"), ("phone", "feature"),
         ("server", "feature"), ("feature", "direction"))
# What must be shown with real peers, whatever else is.
VALUES = {
    "server": "prosody ejabberd",
    "client": "jmi direct chromium chromium-direct dino",
    "phone": "baresip scripted sipp kamailio",
    "direction": "x2s s2x",
    "feature": "tones busy decline no_answer cancel hold dtmf sdes tcp tls "
               "ipv6 turn_only server_restarts phone_dies two_devices",
}


def cells(all_of_them):
    """Name by name, as the lists of `tests/run --list` have them."""
    return [dict(zip(PARTS, c.name.rpartition("/")[2].split(".")))
            for c in load("e2e", "calls") if all_of_them or not c.full]


def pairs(some):
    return {(a, c[a], b, c[b]) for c in some for a, b in PAIRS}


@case
async def every_pair_by_default(t):
    every, few = cells(True), cells(False)
    lacking = pairs(every) - pairs(few)
    assert not lacking, sorted(lacking)
    assert len(few) < 120, "%d cells are too many for a default" % len(few)


@case
async def every_feature_is_there(t):
    every, few = cells(True), cells(False)
    for part, words in VALUES.items():
        lacking = set(words.split()) - {c[part] for c in every}
        assert not lacking, (part, lacking)
        lacking = set(words.split()) - {c[part] for c in few}
        assert not lacking, (part, lacking)
    for c in every:     # a direction that is possible is shown by default
        assert any(d["feature"] == c["feature"]
                   and d["direction"] == c["direction"] for d in few), c
