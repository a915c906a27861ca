/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of ACL. */
#pragma once

#include "exec/call.h"

void acl_cat(struct call *call);
void acl_deluser(struct call *call);
void acl_dryrun(struct call *call);
void acl_genpass(struct call *call);
void acl_getuser(struct call *call);
void acl_help(struct call *call);
void acl_list(struct call *call);
void acl_load(struct call *call);
void acl_log(struct call *call);
void acl_save(struct call *call);
void acl_setuser(struct call *call);
void acl_users(struct call *call);
void acl_whoami(struct call *call);
