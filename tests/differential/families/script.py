# SPDX-License-Identifier: BSD-3-Clause
"""Scripts: what values become on their way into Lua, through its libraries, and back.

Tables have one key at most besides 1, 2, 3 ...: the order of keys is anybody's. Results are named before they are
returned, since LuaJIT does not know the line of a call that a function ends with. Scripts never arrive broken: what
compilers say differs in places, the directed lists have what does not."""

KEYS = ["a", "b", "h"]
NUMBERS = [0, 1, -1, 7, 127, 128, 255, 256, 32767, 65536, 2**31, 2**32, 2**53, -32, -33, -129, -2**31, 0.5, -1.5, 1e15, 1e20,
           1e300, 3.999, 0.1, "1/0", "-1/0"]
STRUCT_FORMATS = ["b", "B", "h", "H", "i", "I", "l", "L", ">i4", "<I2", ">h", "i3", "I8", ">l", "!4bi", "!8 b d", "d", "f",
                  "x b", "T", ">i8"]


def probes(key):
    return [["TYPE", key]] + ([["GET", key]] if key != "h" else [["HGET", key, "f"]])


def text(g):
    return g.pick(["''", "'x'", "'abc'", "'OK'", "('y'):rep(40)", "('z'):rep(300)", "'\\0\\1\\255'", "'12'", "'1.5'", "' 7'"])


def literal(g, depth=0):
    kind = g.random.randrange(10 if depth < 4 else 5)
    if kind < 2:
        return str(g.pick(NUMBERS))
    if kind < 4:
        return text(g)
    if kind == 4:
        return g.pick(["true", "false", "nil"])
    items = [literal(g, depth + 1) for _ in range(g.pick([0, 1, 2, 3, 17]) if depth < 2 else g.pick([0, 1, 2]))]
    if kind < 8:
        return "{" + ",".join(items) + "}"
    name = g.pick(["ok", "err", "double", "map", "set", "big_number", "verbatim_string", "other", "[5]", "[0.5]"])
    return "{" + f"{name}={literal(g, depth + 1)}" + "}"


def script(g, expression):
    version = g.pick(["", "", "redis.setresp(3) "])
    return ["EVAL", f"{version}local value = {expression} return value", 0]


def plain(g):
    return script(g, literal(g))


def tagged(g):
    return script(g, g.pick([
        "{double=%s}" % g.pick(NUMBERS), "{map={[%s]=%s}}" % (g.pick([1, "'k'", "true"]), literal(g, 2)),
        "{set={[%s]=true}}" % g.pick([1, "'k'", "2.5"]), "{big_number=%s}" % text(g),
        "{verbatim_string={format=%s,string=%s}}" % (g.pick(["'txt'", "'mkd'", "'x'", "'long'"]), text(g)),
        "redis.status_reply(%s)" % text(g), "redis.error_reply(%s)" % text(g)]))


def packed(g):
    values = ",".join(literal(g, 1) for _ in range(g.random.randint(1, 3)))
    return script(g, g.pick([f"cmsgpack.pack({values})", f"{{cmsgpack.unpack(cmsgpack.pack({values}))}}",
                             f"{{cmsgpack.unpack_one(cmsgpack.pack({values}), {g.pick([0, 1])})}}",
                             f"{{cmsgpack.unpack_limit(cmsgpack.pack({values}), {g.pick([0, 1, 2, 5])})}}"]))


def hostile(g):
    """Bytes that may be no MessagePack at all."""
    raw = "".join(f"\\{g.pick([g.random.randrange(256), 0x91, 0xa1, 0xc0, 0xcc, 0xdc, 0xde, 0xdb])}"
                  for _ in range(g.random.randint(0, 12)))
    return script(g, f"{{pcall(cmsgpack.{g.pick(['unpack', 'unpack_one'])}, '{raw}')}}")


def structs(g):
    form = g.pick(STRUCT_FORMATS)
    numbers = ",".join(str(g.pick([n for n in NUMBERS if not isinstance(n, str) and abs(n) < 2**53])) for _ in range(3))
    return script(g, g.pick([f"struct.pack('{form}', {numbers})", f"struct.size('{form}')",
                             f"{{struct.unpack('{form}', struct.pack('{form}', {numbers}))}}"]))


def json(g):
    items = ",".join(g.pick(["1", "2.5", "-7", "'x'", "true", "cjson.null", "{}", "{1,{2}}", "{k='v'}"])
                     for _ in range(g.random.randint(0, 4)))
    return script(g, g.pick([f"cjson.encode({{{items}}})", f"cjson.decode(cjson.encode({{{items}}}))"]))


def command(g):
    key = g.pick(["a", "b"])
    call = g.pick(["redis.call", "redis.pcall", "server.call"])
    line = g.pick([f"'SET', KEYS[1], {text(g)}", "'GET', KEYS[1]", "'STRLEN', KEYS[1]", f"'APPEND', KEYS[1], {text(g)}",
                   "'INCR', KEYS[1]", "'LPUSH', KEYS[1], 'x'", f"'SETRANGE', KEYS[1], 2, {text(g)}", "'NOSUCH'", "'GET'",
                   f"'ECHO', {g.pick(NUMBERS)}", "'DEL', KEYS[1]", "'EXISTS', KEYS[1]", "'TYPE', KEYS[1]", "'MULTI'"])
    version = g.pick(["", "redis.setresp(3) "])
    return [g.pick(["EVAL", "EVAL", "EVAL_RO"]), f"{version}local value = {call}({line}) return value", 1, key]


def fields(g):
    line = g.pick(["'HSET', KEYS[1], 'f', ARGV[1]", "'HGET', KEYS[1], 'f'", "'HGETALL', KEYS[1]", "'HDEL', KEYS[1], 'f'",
                   "'HINCRBY', KEYS[1], 'f', 1", "'HRANDFIELD', KEYS[1]", "'OBJECT', 'ENCODING', KEYS[1]"])
    version = g.pick(["", "redis.setresp(3) "])
    return ["EVAL", f"{version}local value = redis.call({line}) return value", 1, "h", g.pick(["1", "x", ""])]


# Scripts stay whole: each is a list of commands that belong together.
COMMANDS = [(weight, lambda g, make=make: [make(g)]) for weight, make in
            [(10, plain), (6, tagged), (8, packed), (4, hostile), (5, structs), (4, json), (12, command), (4, fields)]]
