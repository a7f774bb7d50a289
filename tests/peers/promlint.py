"""What "promtool check metrics" has to say of a text of metrics, for machines
that do not have it: names, types, help and labels as Prometheus wants them."""
import re

TYPES = ("counter", "gauge", "histogram", "summary", "untyped")
PARTS = ("_bucket", "_count", "_sum")
# a unit that is not the base of its kind, and the base
BASES = {**{p + u: u for u in ("seconds", "bytes", "meters", "grams", "volts",
                               "amperes", "joules")
            for p in ("nano", "micro", "milli", "centi", "kilo", "mega",
                      "giga", "tera", "peta")},
         **dict.fromkeys(("minutes", "hours", "days", "weeks"), "seconds"),
         **dict.fromkeys(("bits", "kibibytes", "mebibytes", "gibibytes"),
                         "bytes"),
         **dict.fromkeys(("percent", "percentage"), "ratio")}
SHORT = {"s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb",
         "m", "h", "d"}
SAMPLE = re.compile(r'([a-zA-Z_:][\w:]*)(?:\{((?:[a-zA-Z_]\w*="'
                    r'(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)( -?\d+)?$')


def of_name(name, kind):
    words = name.split("_")
    for w in words:
        if w in BASES:
            yield "%s: in %s, not %s" % (name, BASES[w], w)
        if w in SHORT:
            yield "%s: a unit is abbreviated" % name
        if w in TYPES:
            yield "%s: its type is in its name" % name
    if name != name.lower():
        yield "%s: capital letters" % name
    if ":" in name:
        yield "%s: a colon is for rules" % name
    if name.endswith("_total") != (kind == "counter"):
        yield "%s: _total is for counters, and all of them" % name
    if name.endswith(PARTS):
        yield "%s: ends as a part of a histogram" % name


def of_labels(name, kind, labels):
    for key in labels:
        if key != key.lower():
            yield "%s: capital letters in label %s" % (name, key)
        if key == "le" and kind != "histogram" or \
                key == "quantile" and kind != "summary":
            yield "%s: label %s is not for a %s" % (name, key, kind)


def family(name, types):
    for p in PARTS:
        base = name.removesuffix(p)
        if base != name and types.get(base) in ("histogram", "summary"):
            return base
    return name


def lint(text):
    """Each thing that is wrong, in words."""
    types, helps, seen, ended = {}, {}, set(), set()
    last, wrong = None, []
    if text and not text.endswith("\n"):
        wrong.append("the last line has no end")
    for line in text.splitlines():
        m = re.match(r"# (HELP|TYPE) (\S+)(?: (.*))?$", line)
        if m:
            table = types if m[1] == "TYPE" else helps
            name = m[2]
            if name in table:
                wrong.append("%s: a second %s" % (name, m[1]))
            table[name] = m[3] or ""
            if m[1] == "TYPE" and m[3] not in TYPES:
                wrong.append("%s: no type %s" % (name, m[3]))
        elif line and not line.startswith("#"):
            m = SAMPLE.match(line)
            try:
                float(m[3])
            except (TypeError, ValueError):
                wrong.append("not a sample: %s" % line)
                continue
            name = family(m[1], types)
            if m[1] + (m[2] or "") in seen:
                wrong.append("twice: %s" % line)
            seen.add(m[1] + (m[2] or ""))
            if name not in types:
                wrong.append("%s: no type" % name)
            wrong += of_labels(name, types.get(name),
                               re.findall(r'(\w+)="', m[2] or ""))
        else:
            continue
        if name != last:
            if name in ended:
                wrong.append("%s: in two places" % name)
            ended.add(last)
            last = name
    for name, kind in types.items():
        wrong += of_name(name, kind)
        if not helps.get(name):
            wrong.append("%s: no help" % name)
    return wrong
