"""tone.py: the proof that a call carries sound: tones drawn at random, and
what a recording holds of them.

Each end sends one tone and changes it once after CHANGE seconds.  Frequencies
are multiples of 50 Hz, so 20 ms hold whole periods and 100 ms whole bins."""
import array
import math
import os
import random
import wave

CHANGE = 3.0        # seconds
FRAME = 0.1         # seconds
SHARE = 0.5         # of a frame's power, at least, to count as that tone
SILENT = 1e-5       # mean square of full scale: -50 dBFS
HEARD = 0.95        # of the call, at least
OWN_DB = -40.0      # of one's own tone beside the other's, at most
AMPLITUDE = 9000

seed = int(os.environ.get("SEED") or random.SystemRandom().getrandbits(32))
_random = random.Random(seed)


def _folds(a, b):
    """Is b where G.711, at 8 kHz, puts an odd harmonic of a?  Its steps make
    such ones, up to -34 dB; 3 x 2800 Hz is heard as 400."""
    return any(b in (k * a % 8000, 8000 - k * a % 8000)
               for k in range(3, 31, 2))


def _apart(a, b):
    """Is neither near the other, where Opus leaves traces of a tone (-38 dB at
    200 Hz, -54 dB at 400), nor near one of its low harmonics, nor where one
    folds?"""
    low, high = min(a, b), max(a, b)
    return high - low >= 400 and all(abs(high - k * low) >= 100
                                     for k in (2, 3)) \
        and not _folds(a, b) and not _folds(b, a)


def draw(count=4, fit=lambda out: True):
    """count tones in Hz that no codec mixes up, and for which fit() holds."""
    while True:
        out = _random.sample(range(300, 3001, 50), count)
        if all(_apart(a, b) for i, a in enumerate(out) for b in out[:i]) \
                and fit(out):
            return out


def samples(hz, rate, count):
    """count samples of a tone, 16 bit, beginning at phase 0."""
    w = 2 * math.pi * hz / rate
    return array.array("h", (int(AMPLITUDE * math.sin(w * i))
                             for i in range(count)))


def write_wav(path, tones, seconds=120, rate=48000, channels=2):
    """tones[0] for CHANGE seconds, then tones[1]."""
    with wave.open(path, "wb") as w:
        w.setnchannels(channels)
        w.setsampwidth(2)
        w.setframerate(rate)
        for hz, n in ((tones[0], CHANGE), (tones[1], seconds - CHANGE)):
            one = samples(hz, rate, rate // 50)
            frame = array.array("h", (v for v in one
                                      for _ in range(channels)))
            w.writeframes(frame.tobytes() * int(n * 50))


def read_wav(path):
    """(samples of channel 0, rate); tolerant of sizes never filled in."""
    with open(path, "rb") as f:
        d = f.read()
    if d[:4] != b"RIFF" or d[8:12] != b"WAVE":
        raise ValueError(path + ": not a WAV file")
    at, chans, rate = 12, 1, 8000
    while at + 8 <= len(d):
        tag, size = d[at:at + 4], int.from_bytes(d[at + 4:at + 8], "little")
        body = d[at + 8:at + 8 + size]
        if tag == b"fmt ":
            chans = int.from_bytes(body[2:4], "little")
            rate = int.from_bytes(body[4:8], "little")
            if body[14:16] != b"\x10\0":
                raise ValueError(path + ": not 16 bit")
        if tag == b"data":
            raw = body if size and size != 0xffffffff else d[at + 8:]
            return pcm(raw, chans), rate
        at += 8 + size + (size & 1)
    return array.array("h"), rate


def pcm(raw, channels=1):
    """Bytes of 16 bit samples -> samples of channel 0."""
    whole = len(raw) // (2 * channels) * 2 * channels
    return array.array("h", bytes(raw[:whole]))[::channels]


def _to_8k(x, rate):
    if rate == 8000:
        return x
    n = rate // 8000
    if rate % 8000:
        raise ValueError("rate %d" % rate)
    return array.array("h", (sum(x[i:i + n]) // n
                             for i in range(0, len(x) - n + 1, n)))


def power(x, hz, rate=8000):
    """Goertzel: mean power that a tone of hz has in x (16 bit scale)."""
    c = 2 * math.cos(2 * math.pi * hz / rate)
    a = b = 0.0
    for v in x:
        a, b = v + c * a - b, a
    return 2 * (a * a + b * b - c * a * b) / (len(x) * len(x))


_HANN = [1 - math.cos(2 * math.pi * i / 800) for i in range(800)]


class Verdict:
    """What was heard.  bool(verdict): is it what the other end sent?"""

    def __init__(self, seconds, labels, own_db, why, **more):
        self.seconds, self.labels, self.own_db = seconds, labels, own_db
        self.why, self.share = why, more.get("share", 0.0)

    def __bool__(self):
        return not self.why

    def __str__(self):
        runs, last = [], None
        for v in self.labels:
            if runs and v == last:
                runs[-1][1] += 1
            else:
                runs.append([v, 1])
            last = v
        return "%s; %.0f %% of %.1f s, own tone %.0f dB, seed %d: %s" % (
            self.why or "heard", 100 * self.share, self.seconds,
            self.own_db, seed,
            " ".join("%s*%.1fs" % (v or "none", n * FRAME)
                     for v, n in runs[:12]))


def listen(x, rate, want, own, seconds):
    """Judges a recording: want and own are pairs of tones, seconds is how
    long the call lasted."""
    x = _to_8k(x, rate)
    n = int(8000 * FRAME)
    labels, own_power, want_power = [], 0.0, 0.0
    frames = [x[i:i + n] for i in range(0, len(x) - n + 1, n)]
    for f in frames:
        energy = sum(v * v for v in f) / n
        label = None
        if energy > SILENT * 32768 * 32768:
            label = next((hz for hz in want
                          if power(f, hz) > SHARE * energy), None)
        labels.append(label)
    for i, f in enumerate(frames):
        # a change of tone inside the frame would count as one's own
        if labels[i] and labels[max(0, i - 1):i + 2] == [labels[i]] * 3:
            h = [v * w for v, w in zip(f, _HANN)]
            own_power += sum(power(h, hz) for hz in own)
            want_power += power(h, labels[i])
    own_db = 10 * math.log10(max(own_power, 1e-9) / want_power) \
        if want_power else 0.0
    seq = [v for v in labels if v]
    share = min(1.0, len(seq) * FRAME / max(seconds, FRAME))
    changes = sum(a != b for a, b in zip(seq, seq[1:]))
    why = None
    if not seq:
        why = "silence"
    elif set(seq) != set(want) or seq[0] != want[0] or changes != 1:
        why = "not %d then %d" % tuple(want)
    elif share < HEARD:
        why = "too little"
    elif own_db > OWN_DB:
        why = "echo of its own tone"
    return Verdict(seconds, labels, own_db, why, share=share)
