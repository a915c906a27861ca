/* SPDX-License-Identifier: BSD-3-Clause */
/* Between replies and Lua's values. Both may raise errors: call them where vm_protected() catches
 * them. */
#pragma once

#include "base/bytes.h"
#include "proto/reply.h"
#include <luajit-2.1/lua.h>

/* Pushes what one whole reply, RESP2 or RESP3, says. */
void convert_to_lua(lua_State *lua, struct bytes reply);

/* Writes the value at the top, which a script has returned, and pops it. `resp` is what the script
 * has asked for; what is written is what the client speaks. */
void convert_to_reply(lua_State *lua, struct reply *reply, uint8_t resp);
