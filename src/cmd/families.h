/* SPDX-License-Identifier: BSD-3-Clause */
/* The command families: one file and one table each. A new family adds a line here and one in
 * families.c, and nothing else in the house knows of it. */
#pragma once

#include "exec/exec.h"

extern const struct command acl_commands[];
extern const struct command bitmap_commands[];
extern const struct command client_commands[];     /* CLIENT and its subcommands */
extern const struct command connection_commands[]; /* HELLO AUTH PING ECHO QUIT RESET SELECT */
extern const struct command config_commands[];
extern const struct command command_commands[]; /* COMMAND and its subcommands */
extern const struct command debug_commands[];
extern const struct command cluster_commands[]; /* READONLY READWRITE ASKING CLUSTER */
extern const struct command dump_commands[];    /* DUMP RESTORE MIGRATE */
extern const struct command expire_commands[];
extern const struct command function_commands[]; /* FCALL FUNCTION */
extern const struct command geo_commands[];
extern const struct command hash_commands[];
extern const struct command hll_commands[]; /* HyperLogLogs */
extern const struct command key_commands[];
extern const struct command list_commands[];
extern const struct command memory_commands[];
extern const struct command module_commands[];
extern const struct command object_commands[];
extern const struct command observe_commands[]; /* SLOWLOG COMMANDLOG LATENCY */
extern const struct command pubsub_commands[];
extern const struct command replication_commands[]; /* REPLICAOF FAILOVER PSYNC ... */
extern const struct command script_commands[];      /* EVAL SCRIPT */
extern const struct command server_commands[]; /* INFO TIME LOLWUT SHUTDOWN ROLE LASTSAVE ... */
extern const struct command set_commands[];
extern const struct command stream_commands[];
extern const struct command sort_commands[];
extern const struct command string_commands[];
extern const struct command transaction_commands[]; /* MULTI EXEC DISCARD WATCH UNWATCH */
extern const struct command zset_commands[];

void families_register(struct exec *exec);

/* The directives of value/limits.h, which several families go by (limits.c); before anything is
 * loaded. */
void limits_register(void);

/* INFO's figures of scripts (script.c). */
void script_register_info(struct exec *exec);
