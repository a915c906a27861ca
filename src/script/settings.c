/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/config.h"
#include "script/scripts_priv.h"

struct script_settings script_settings;

static const struct config_row rows[] = {
    {"busy-reply-threshold", "lua-time-limit", CONFIG_INTEGER,
     .value = &script_settings.busy_threshold_ms, .initial = "5000", .max = INT64_MAX},
    {"script-memory-limit", .type = CONFIG_MEMORY, .value = &script_settings.memory_limit,
     .initial = "512mb", .min = 1 << 20, .max = INT64_MAX},
    {0},
};

void scripts_register_settings(void) {
    config_register(rows);
}
