/// What the programs say of themselves: the HTTP API's contract (`docs/openapi.yaml`) and a page for each problem
/// (`docs/problems/`), embedded.
///
/// A module of its own, so that a change of the API does not compile these 94,000 bytes again.
package enum Contract {
  package static var openAPI: [UInt8] { PackageResources.openapi_yaml }

  /// Nil if there is no such problem.
  package static func problemPage(_ code: String) -> [UInt8]? {
    switch code {
    case "bad-request": PackageResources.bad_request_md
    case "invalid-id": PackageResources.invalid_id_md
    case "invalid-user-id": PackageResources.invalid_user_id_md
    case "invalid-policy": PackageResources.invalid_policy_md
    case "invalid-fault": PackageResources.invalid_fault_md
    case "unauthorized": PackageResources.unauthorized_md
    case "wrong-host": PackageResources.wrong_host_md
    case "not-open": PackageResources.not_open_md
    case "not-found": PackageResources.not_found_md
    case "no-such-policy": PackageResources.no_such_policy_md
    case "no-coupon": PackageResources.no_coupon_md
    case "no-such-stay": PackageResources.no_such_stay_md
    case "not-used": PackageResources.not_used_md
    case "method-not-allowed": PackageResources.method_not_allowed_md
    case "sold-out": PackageResources.sold_out_md
    case "no-rooms-left": PackageResources.no_rooms_left_md
    case "policy-exists": PackageResources.policy_exists_md
    case "no-policy-id-left": PackageResources.no_policy_id_left_md
    case "unavailable": PackageResources.unavailable_md
    case "outcome-unknown": PackageResources.outcome_unknown_md
    case "peer-not-reached": PackageResources.peer_not_reached_md
    case "malformed-request": PackageResources.malformed_request_md
    case "request-timeout": PackageResources.request_timeout_md
    case "body-too-large": PackageResources.body_too_large_md
    case "target-too-long": PackageResources.target_too_long_md
    case "expectation-failed": PackageResources.expectation_failed_md
    case "header-too-large": PackageResources.header_too_large_md
    case "version-not-supported": PackageResources.version_not_supported_md
    default: nil
    }
  }
}
