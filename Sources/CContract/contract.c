#include "contract.h"

#include <string.h>

static const unsigned char openapi[] = {
#embed "../../docs/openapi.yaml"
};

const struct embedded_page contract_openapi = {"openapi.yaml", openapi, sizeof openapi};

static const unsigned char bad_request[] = {
#embed "../../docs/problems/bad-request.md"
};
static const unsigned char body_too_large[] = {
#embed "../../docs/problems/body-too-large.md"
};
static const unsigned char expectation_failed[] = {
#embed "../../docs/problems/expectation-failed.md"
};
static const unsigned char header_too_large[] = {
#embed "../../docs/problems/header-too-large.md"
};
static const unsigned char invalid_fault[] = {
#embed "../../docs/problems/invalid-fault.md"
};
static const unsigned char invalid_id[] = {
#embed "../../docs/problems/invalid-id.md"
};
static const unsigned char invalid_policy[] = {
#embed "../../docs/problems/invalid-policy.md"
};
static const unsigned char invalid_user_id[] = {
#embed "../../docs/problems/invalid-user-id.md"
};
static const unsigned char malformed_request[] = {
#embed "../../docs/problems/malformed-request.md"
};
static const unsigned char method_not_allowed[] = {
#embed "../../docs/problems/method-not-allowed.md"
};
static const unsigned char no_coupon[] = {
#embed "../../docs/problems/no-coupon.md"
};
static const unsigned char no_policy_id_left[] = {
#embed "../../docs/problems/no-policy-id-left.md"
};
static const unsigned char no_rooms_left[] = {
#embed "../../docs/problems/no-rooms-left.md"
};
static const unsigned char no_such_policy[] = {
#embed "../../docs/problems/no-such-policy.md"
};
static const unsigned char no_such_stay[] = {
#embed "../../docs/problems/no-such-stay.md"
};
static const unsigned char not_found[] = {
#embed "../../docs/problems/not-found.md"
};
static const unsigned char not_open[] = {
#embed "../../docs/problems/not-open.md"
};
static const unsigned char not_used[] = {
#embed "../../docs/problems/not-used.md"
};
static const unsigned char outcome_unknown[] = {
#embed "../../docs/problems/outcome-unknown.md"
};
static const unsigned char peer_not_reached[] = {
#embed "../../docs/problems/peer-not-reached.md"
};
static const unsigned char policy_exists[] = {
#embed "../../docs/problems/policy-exists.md"
};
static const unsigned char request_timeout[] = {
#embed "../../docs/problems/request-timeout.md"
};
static const unsigned char sold_out[] = {
#embed "../../docs/problems/sold-out.md"
};
static const unsigned char target_too_long[] = {
#embed "../../docs/problems/target-too-long.md"
};
static const unsigned char unauthorized[] = {
#embed "../../docs/problems/unauthorized.md"
};
static const unsigned char unavailable[] = {
#embed "../../docs/problems/unavailable.md"
};
static const unsigned char version_not_supported[] = {
#embed "../../docs/problems/version-not-supported.md"
};
static const unsigned char wrong_host[] = {
#embed "../../docs/problems/wrong-host.md"
};

#define PAGE(code, bytes) {code, bytes, sizeof bytes}

static const struct embedded_page problems[] = {
    PAGE("bad-request", bad_request),
    PAGE("body-too-large", body_too_large),
    PAGE("expectation-failed", expectation_failed),
    PAGE("header-too-large", header_too_large),
    PAGE("invalid-fault", invalid_fault),
    PAGE("invalid-id", invalid_id),
    PAGE("invalid-policy", invalid_policy),
    PAGE("invalid-user-id", invalid_user_id),
    PAGE("malformed-request", malformed_request),
    PAGE("method-not-allowed", method_not_allowed),
    PAGE("no-coupon", no_coupon),
    PAGE("no-policy-id-left", no_policy_id_left),
    PAGE("no-rooms-left", no_rooms_left),
    PAGE("no-such-policy", no_such_policy),
    PAGE("no-such-stay", no_such_stay),
    PAGE("not-found", not_found),
    PAGE("not-open", not_open),
    PAGE("not-used", not_used),
    PAGE("outcome-unknown", outcome_unknown),
    PAGE("peer-not-reached", peer_not_reached),
    PAGE("policy-exists", policy_exists),
    PAGE("request-timeout", request_timeout),
    PAGE("sold-out", sold_out),
    PAGE("target-too-long", target_too_long),
    PAGE("unauthorized", unauthorized),
    PAGE("unavailable", unavailable),
    PAGE("version-not-supported", version_not_supported),
    PAGE("wrong-host", wrong_host),
};

const struct embedded_page *contract_problem(const char *code) {
  for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++)
    if (strcmp(problems[i].name, code) == 0) return &problems[i];
  return NULL;
}
