/* SPDX-License-Identifier: BSD-3-Clause */
#include "exec/certificate.h"
#include "config/config.h"
#include "exec/exec_priv.h"

struct search {
    struct session *session;
    bool any; /* name was there */
};

static bool become(void *context, struct bytes name) {
    struct search *search = context;
    search->any = true;
    return session_become(search->session, name);
}

void session_trust_certificate(struct session *session) {
    enum certificate_user from = (enum certificate_user)config_number("tls-auth-clients-user");
    struct search search = {.session = session};
    if (from == CERTIFICATE_USER_OFF || !connection_is_tls(session->connection)) return;
    enum tls_name kind = from == CERTIFICATE_USER_CN ? TLS_COMMON_NAME : TLS_URI;
    if (!connection_certificate_names(session->connection, kind, become, &search) && search.any)
        session_worker(session)->totals.unknown_certificates++;
}
