#pragma once
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

// Macros, which Swift does not see.

static inline int timeattack_tls_at_least_1_2(SSL_CTX *context) {
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
}

static inline void timeattack_tls_refuse_renegotiation(SSL_CTX *context) {
  (void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
}

static inline int timeattack_tls_set_name(SSL *session, const char *name) {
  return (int)SSL_set_tlsext_host_name(session, name);
}

static inline void timeattack_bio_is_never_at_its_end(BIO *memory) { BIO_set_mem_eof_return(memory, -1); }

static inline size_t timeattack_bio_pending(BIO *memory) { return BIO_ctrl_pending(memory); }
