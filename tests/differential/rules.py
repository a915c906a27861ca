# SPDX-License-Identifier: BSD-3-Clause
"""How replies are compared that need not be the same bytes. A rule gets both replies, when they differ, and says
whether that is all right. Everything that has no rule must be the same."""

from resp import Failure, decode


def near(most):
    """Integers that differ by at most that much; what is not positive (-1, -2) has a meaning and must be the same."""
    def rule(ours, theirs):
        a, b = decode(ours), decode(theirs)
        return isinstance(a, int) and isinstance(b, int) and a > 0 and b > 0 and abs(a - b) <= most
    return rule


def around(most):
    """The same for integers of which 0 has no other meaning than its neighbours."""
    def rule(ours, theirs):
        a, b = decode(ours), decode(theirs)
        return isinstance(a, int) and isinstance(b, int) and min(a, b) >= 0 and abs(a - b) <= most
    return rule


def unordered(ours, theirs):
    """Arrays with the same elements in any order."""
    a, b = decode(ours), decode(theirs)
    return isinstance(a, list) and isinstance(b, list) and sorted(map(repr, a)) == sorted(map(repr, b))


def same_length(ours, theirs):
    """Elements at random: as many, and each of the same kind."""
    a, b = decode(ours), decode(theirs)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and list(map(type, a)) == list(map(type, b))
    return isinstance(a, bytes) and isinstance(b, bytes)


def page(ours, theirs):
    """A step of a scan: how many elements it shows is each server's own affair."""
    a, b = decode(ours), decode(theirs)
    return isinstance(a, list) and isinstance(b, list) and len(a) == len(b) == 2


def same_kind(ours, theirs):
    """Values that have to be of the same type only."""
    a, b = decode(ours), decode(theirs)
    return type(a) is type(b) and not isinstance(a, Failure)


def encoding(ours, theirs):
    """Where INCRBYFLOAT leaves a whole number, OBJECT ENCODING says int here and embstr there."""
    return decode(ours) == b"int" and decode(theirs) == b"embstr"


# A machine at work on something else may stand still for seconds between what one server gets and the other.
COMMON = {
    "ttl": near(5),
    "pttl": near(5000),
    "expiretime": near(5),
    "pexpiretime": near(5000),
    "keys": unordered,
    "randomkey": same_kind,
    "time": same_kind,
    "object|encoding": encoding,
    "object|idletime": around(1),
    "object|refcount": near(1),  # over there a value in a reply that is not sent yet counts as well
}
