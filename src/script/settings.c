/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/config.h"
#include "script/scripts_priv.h"

static struct config_row rows[] = {
    {"busy-reply-threshold", "lua-time-limit", CONFIG_INTEGER, .initial = "5000", .max = INT64_MAX},
    {"script-memory-limit", .type = CONFIG_MEMORY, .initial = "512mb", .min = 1 << 20,
     .max = INT64_MAX},
    {0},
};

void script_settings_register(void) {
    rows[0].value = &scripts->busy_threshold_ms;
    rows[1].value = &scripts->memory_limit;
    config_register(rows);
}
