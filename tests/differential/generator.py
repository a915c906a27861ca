# SPDX-License-Identifier: BSD-3-Clause
"""Random commands from a seed. A family says which commands there are and of what its arguments are made; here is what
all families make them of."""

import random

INTEGERS = [0, 1, 2, 3, 7, 8, 9, 10, 15, 16, 31, 32, 63, 64, 100, 255, 256, 1000, 65535, 2**31 - 1, 2**31, 2**32,
            2**63 - 1, -1, -2, -3, -7, -10, -100, -2**31, -2**63]
JUNK = [b"", b"x", b"abc", b"-1", b"0", b"-", b"+1", b"01", b" 1", b"1.5", b"nan", b"inf", b"nx", b"\x00", b"\xff\xfe",
        b"9223372036854775807", b"9223372036854775808", b"-9223372036854775808", b"99999999999999999999"]
FAR_SECONDS, FAR_UNIX_SECONDS, PAST_UNIX_SECONDS = 100_000, 4_000_000_000, 1_000_000_000
# None near to where OBJECT ENCODING turns from embstr to raw, see docs/differences.md.
SIZES = [30, 44, 45, 90, 200, 254, 255, 256, 1000, 5000, 20000]
BROKEN = 0.03  # of all commands get a wrong argument


def may_wait(step):
    """With a wrong argument it might wait for ever."""
    words = [str(word).upper() for word in step]
    return words[0].startswith(("BL", "BR", "BZ")) or "BLOCK" in words


class Generator:
    def __init__(self, family, seed):
        self.family = family
        self.random = random.Random(seed)
        self.functions = [function for _, function in family.COMMANDS]
        self.weights = [weight for weight, _ in family.COMMANDS]
        self.junk = getattr(family, "JUNK", JUNK)

    def steps(self, count):
        """About that many steps, and then what shows the state of each key."""
        steps = []
        while len(steps) < count:
            made = self.pick_function()(self)
            steps += made if isinstance(made[0], list) else [self.perhaps_break(made)]
        return steps + [probe for key in self.family.KEYS for probe in self.family.probes(key)]

    def pick_function(self):
        return self.random.choices(self.functions, self.weights)[0]

    def perhaps_break(self, step):
        if self.random.random() >= BROKEN or may_wait(step):
            return step
        step, at = list(step), self.random.randrange(1, len(step) + 1)
        kind = self.random.randrange(3)
        if kind == 0 or at == len(step):
            step.insert(at, self.pick(self.junk))
        elif kind == 1:
            step[at] = self.pick(self.junk)
        else:
            del step[at]
        return step

    # ---- what arguments are made of ----

    def chance(self, probability):
        return self.random.random() < probability

    def pick(self, choices):
        return self.random.choice(choices)

    def some(self, *arguments, chance=0.5):
        """The arguments, or none."""
        return list(arguments) if self.chance(chance) else []

    def one_of(self, *choices):
        """One of several lists of arguments."""
        return list(self.pick(choices))

    def several(self, make, most=4):
        return [make() for _ in range(self.random.randint(1, most))]

    def word(self, text):
        """A keyword in any case."""
        return self.pick([text, text.lower(), text.upper(), text.capitalize()])

    def key(self):
        return self.pick(self.family.KEYS)

    def integer(self):
        if self.chance(0.5):
            return self.random.randint(-20, 20)
        return self.pick(INTEGERS) + self.pick([-1, 0, 0, 1])

    def count(self, most=10):
        return self.random.randint(0, most)

    def float(self):
        return self.pick(["0", "0.1", "-0.1", "1e3", "1.5e-5", "3.0", "100", "-7.25", "1e18", "0x1p4", "1e300", "inf",
                          f"{self.random.uniform(-1000, 1000):.{self.random.randint(0, 17)}f}"])

    def blob(self, size):
        """Bytes with runs, so that they have something in common with others."""
        kind = self.random.randrange(4)
        if kind == 0:
            return self.random.randbytes(size)
        if kind == 1:
            return bytes(self.random.choices(b"ab", k=size))
        return bytes([self.pick([0, 255, 97, self.random.randrange(256)])]) * size

    def value(self):
        kind = self.random.randrange(10)
        if kind < 3:
            return str(self.integer())
        if kind < 4:
            return self.float()
        if kind < 8:
            return self.blob(self.random.randrange(12))
        return self.blob(self.pick(SIZES))

    def expiry_seconds(self):
        """Never near: what expires between two commands would expire between two others over there."""
        return self.pick([FAR_SECONDS, FAR_SECONDS * 2, 0, -1, 2**63 - 1, 2**53, 10**15])

    def expiry_unix(self):
        return self.pick([FAR_UNIX_SECONDS, PAST_UNIX_SECONDS, 1, 0, -1, 2**63 - 1, 2**53])

    def expiry_option(self, *others):
        """An option that says when the key expires, mostly a right one."""
        far = self.chance(0.7)
        return self.one_of(
            [self.word("EX"), FAR_SECONDS if far else self.expiry_seconds()],
            [self.word("PX"), FAR_SECONDS * 1000 if far else self.expiry_seconds() * 1000],
            [self.word("EXAT"), FAR_UNIX_SECONDS if far else self.expiry_unix()],
            [self.word("PXAT"), FAR_UNIX_SECONDS * 1000 if far else self.expiry_unix() * 1000],
            *([self.word(other)] for other in others))
