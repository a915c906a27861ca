/* SPDX-License-Identifier: BSD-3-Clause */
#include "exec/certificate.h"
#include "config/config.h"
#include "exec/acl_priv.h"
#include "exec/exec_priv.h"

struct search {
    struct session *session;
    struct buffer last; /* name that was tried */
};

static bool become(void *context, struct bytes name) {
    struct search *search = context;
    buffer_clear(&search->last);
    buffer_append_bytes(&search->last, name);
    return session_become(search->session, name);
}

/* Of several names the last one is logged, as that of who was denied. */
void session_trust_certificate(struct session *session) {
    enum certificate_user from = (enum certificate_user)config_number("tls-auth-clients-user");
    struct search search = {.session = session};
    if (from == CERTIFICATE_USER_OFF || !connection_is_tls(session->connection)) return;
    enum tls_name kind = from == CERTIFICATE_USER_CN ? TLS_COMMON_NAME : TLS_URI;
    bool found = connection_certificate_names(session->connection, kind, become, &search);
    if (!found && search.last.len)
        acl_log_add(session, ACL_CERTIFICATE, ACL_TOPLEVEL, BYTES(""), buffer_bytes(&search.last));
    buffer_free(&search.last);
}
