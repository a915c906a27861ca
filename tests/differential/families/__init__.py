# SPDX-License-Identifier: BSD-3-Clause
"""The families of commands that random tests know. A family is a module here with

    KEYS          the keys it uses, few, so that commands meet
    COMMANDS      [(weight, function)]: function(g) makes a command from a generator.Generator, or a list of commands
                  that belong together
    probes(key)   the commands that show a key's state
    JUNK          optional: wrong arguments, instead of the generator's
    RULES         optional: how replies are compared that need not be the same bytes, see rules.py
"""

import importlib
import pkgutil


def names():
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name):
    return importlib.import_module(f"families.{name}")
