/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/families.h"
#include "base/ensure.h"
#include "cmd/shared_persistence.h"
#include "cmd/shared_server.h"
#include "script/script.h"
#include "value/types.h"

static const struct command *const families[] = {
    acl_commands,         bitmap_commands,      client_commands,   connection_commands,
    config_commands,      command_commands,     debug_commands,    dump_commands,
    expire_commands,      hash_commands,        hll_commands,      key_commands,
    list_commands,        memory_commands,      object_commands,   observe_commands,
    pubsub_commands,      server_commands,      set_commands,      sort_commands,
    string_commands,      geo_commands,         stream_commands,   zset_commands,
    transaction_commands, persistence_commands, function_commands, script_commands,
    cluster_commands,     replication_commands, module_commands,
};

void families_register(struct exec *exec) {
    value_types_register();
    for (size_t i = 0; i < ARRAY_LEN(families); i++)
        exec_register(exec, families[i]);
    scripts_start(exec);
    persistence_register_info(exec);
    server_register_info(exec);
    memory_register_info(exec);
    script_register_info(exec);
}
