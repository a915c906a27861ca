/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line: which of the programs in this binary is meant. */
#include "base/ensure.h"
#include "server/check.h"
#include "server/export.h"
#include "server/help.h"
#include "server/hotkeys.h"
#include "server/import.h"
#include "server/serve.h"
#include "server/version.h"
#include "sys/process.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int print_version(int argc, char **argv) {
    puts(version_line());
    return 0;
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv); /* without program and command */
} commands[] = {
    {"serve", serve},
    {"import", import},
    {"export", export},
    {"check", check},
    {"hotkeys", hotkeys},
    {"help", help},
    {"version", print_version},
    {"--version", print_version},
    {"-v", print_version},
    {"--help", help},
    {"-h", help},
};

/* `strata FILE` and `strata --port 7000` serve, as people who come from other servers expect. */
static bool means_serve(const char *argument) {
    size_t length = strlen(argument);
    return (argument[0] == '-' && (argument[1] == '-' || !argument[1])) ||
           strchr(argument, '/') != NULL ||
           (length > 5 && strcmp(argument + length - 5, ".conf") == 0) ||
           access(argument, F_OK) == 0;
}

static bool asks_for_help(int argc, char **argv) {
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    return false;
}

int main(int argc, char **argv) {
    process_keep_arguments(argc, argv);
    if (argc < 2) {
        help_usage(stderr);
        return 2;
    }
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(argv[1], commands[i].name) != 0) continue;
        if (asks_for_help(argc, argv)) return help(1, &argv[1]);
        return commands[i].run(argc - 2, argv + 2);
    }
    if (means_serve(argv[1])) return serve(argc - 1, argv + 1);
    fprintf(stderr, "strata: there is no command '%s'\n", argv[1]);
    help_usage(stderr);
    return 2;
}
