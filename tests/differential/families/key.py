# SPDX-License-Identifier: BSD-3-Clause
"""Keys whatever they hold: names, databases, expiry; and what is told of commands."""

from generator import FAR_SECONDS, FAR_UNIX_SECONDS
from resp import decode
from rules import unordered

KEYS = ["a", "b", "c", "d", "a-key-that-is-longer-than-thirty-one-bytes"]
DATABASES = [0, 0, 1, 2]


def probes(key):
    return [["TYPE", key], ["OBJECT", "ENCODING", key], ["PTTL", key], ["GET", key]]


def value(g):
    """Far from the sizes at which Valkey's encoding depends on the key's length, and on those it had before."""
    return g.pick([str(g.integer()), g.float(), g.blob(g.random.randrange(12)), g.blob(300)])


def set_(g):
    expiry = g.some("EX", g.pick([FAR_SECONDS, 2 * FAR_SECONDS]), chance=0.3)
    return ["SET", g.key(), value(g), *expiry]


def several_keys(name):
    return lambda g: [g.word(name), *g.several(g.key)]


def one_key(name):
    return lambda g: [g.word(name), g.key()]


def rename(g):
    return [g.word(g.pick(["RENAME", "RENAMENX"])), g.key(), g.key()]


def database(g):
    return g.pick(DATABASES) if g.chance(0.95) else g.pick([-1, 16, 15, "x", 2**31, 2**63])


def copy(g):
    options = [g.some(g.word("DB"), database(g)), g.some(g.word("REPLACE"))]
    g.random.shuffle(options)
    return ["COPY", g.key(), g.key(), *sum(options, [])]


def elsewhere(g):
    """What a command finds in another database."""
    other = g.pick(DATABASES)
    return [["SELECT", other], g.pick([set_, rename, copy, move, read_many])(g), ["DBSIZE"], ["SELECT", 0]]


def move(g):
    return ["MOVE", g.key(), database(g)]


def read_many(g):
    return ["MGET", *KEYS]


def condition(g, words):
    return g.several(lambda: g.word(g.pick(words)), most=2) if g.chance(0.5) else []


def expire(g):
    """Moments are compared only when they are absolute, since clocks go on between two commands."""
    name = g.pick(["EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"])
    if name.endswith("AT"):
        moment, conditions = g.expiry_unix(), ["NX", "XX", "GT", "LT"]
    else:
        moment, conditions = g.expiry_seconds(), ["NX", "XX"]
    if g.chance(0.6):
        moment = g.pick([1, 2, 3]) * (FAR_UNIX_SECONDS if name.endswith("AT") else FAR_SECONDS)
    return [g.word(name), g.key(), moment * (1000 if name.startswith("P") else 1), *condition(g, conditions)]


def when(g):
    return [g.word(g.pick(["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME", "PERSIST"])), g.key()]


def object_(g):
    return ["OBJECT", g.word(g.pick(["ENCODING", "REFCOUNT", "FREQ", "IDLETIME"])), g.key()]


def edit(g):
    return g.one_of(["APPEND", g.key(), value(g)], ["INCR", g.key()], ["SETRANGE", g.key(), g.count(60), value(g)])


def scan(g):
    return [["!scan", *g.some("MATCH", g.pick(["*", "a*", "?", "x"])), *g.some("COUNT", g.pick([1, 10, 1000])),
             *g.some("TYPE", g.pick(["string", "hash", "STRING"]))]]


def whole(g):
    return g.one_of(["FLUSHDB", *g.some(g.word(g.pick(["SYNC", "ASYNC"])))], ["SWAPDB", g.pick(DATABASES), database(g)],
                    ["FLUSHALL"], ["SWAPDB", 0, 1], ["SWAPDB", 1, 0])


COMMANDS = [
    (30, set_), (6, several_keys("DEL")), (4, several_keys("UNLINK")), (6, several_keys("EXISTS")),
    (4, several_keys("TOUCH")), (6, one_key("TYPE")), (14, rename), (14, copy), (8, move), (25, expire), (15, when),
    (10, object_), (8, edit), (4, elsewhere), (3, scan), (2, whole),
    (3, lambda g: ["DBSIZE"]), (2, lambda g: ["KEYS", g.pick(["*", "a*", "[a-c]", "\\a", "?"])]),
    (2, lambda g: ["RANDOMKEY"]), (5, lambda g: ["GET", g.key()]),
    (2, lambda g: ["DEBUG", "DIGEST-VALUE", g.key()]), (2, lambda g: ["DEBUG", "DIGEST"]),
]


# ---- rules ----

def said_alike(ours, theirs):
    """Texts for people are our own: anything not empty will do, where the other has one too."""
    a, b = decode(ours), decode(theirs)
    return isinstance(a, (bytes, list)) and type(a) is type(b) and bool(a) == bool(b)


SENTENCES = ("summary", "complexity", "replaced_by", "notes")


def without_sentences(value):
    """A decoded reply of COMMAND DOCS or INFO in which our own sentences count as equal."""
    if isinstance(value, list):
        items = [without_sentences(item) for item in value]
        for i, item in enumerate(items[:-1]):
            if isinstance(item, bytes) and item.decode() in SENTENCES:
                items[i + 1] = None
            if item == b"history":
                items[i + 1] = [since for since, _ in items[i + 1]]
        return items
    if isinstance(value, tuple):
        return tuple(without_sentences(list(value)))
    return value


def same_facts(ours, theirs):
    return without_sentences(decode(ours)) == without_sentences(decode(theirs))


def same_fields(ours, theirs):
    """Maps with the same names, each with a value of the same type, databases (db.0) aside."""
    def shape(raw):
        value = decode(raw)
        pairs = value if value and isinstance(value[0], tuple) else list(zip(value[::2], value[1::2]))
        return [(name, type(item)) for name, item in pairs if not name.startswith(b"db.")]
    return shape(ours) == shape(theirs)


def near_idle_times(ours, theirs):
    a, b = decode(ours), decode(theirs)
    return isinstance(a, int) and isinstance(b, int) and abs(a - b) <= 1


RULES = {
    "command|docs": same_facts,
    "command|info": same_facts,
    "command|list": unordered,
    "debug|help": said_alike,
    "latency|doctor": said_alike,
    "lolwut": said_alike,
    "memory|doctor": said_alike,
    "memory|malloc-stats": said_alike,
    "memory|stats": same_fields,
    "memory|usage": said_alike,
    "object|idletime": near_idle_times,
    **{f"{name}|help": said_alike
       for name in ("command", "commandlog", "latency", "memory", "object", "slowlog")},
}
