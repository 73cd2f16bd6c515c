import EventLoop
import Foundation
import HTTP
import TestSupport
import Testing

extension Contract {
  @Suite(.limited) struct Operations {
    @Test(arguments: TargetKind.all)
    func healthAndReadinessAreTold(kind: TargetKind) async throws {
      try await against(kind) { target in
        let health = try await target.get("/healthz")
        #expect(health.status == 200)
        #expect(health.text == #"{"status":"ok"}"#)
        let ready = try await target.get("/readyz")
        #expect(ready.status == 200)
        #expect(ready.text == #"{"ready":true,"reasons":[]}"#)
      }
    }

    @Test(arguments: TargetKind.all)
    func metricsAreWhatPrometheusReads(kind: TargetKind) async throws {
      try await against(kind) { target in
        let policy = try await target.newPolicy(quota: 1)
        _ = try await target.ask("kim", policy)
        let response = try await target.get("/metrics")
        #expect(response.status == 200)
        #expect(response.headers.first("content-type") == "text/plain; version=0.0.4; charset=utf-8")
        let sample =
          #"[a-zA-Z_][a-zA-Z0-9_]*(\{[a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\.)*"(,[a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\.)*")*\})? (-?[0-9.e+-]+|[+-]Inf|NaN)"#
        for line in response.text.split(separator: "\n") where !line.hasPrefix("# ") {
          #expect(try matches(String(line), sample), "\(line)")
        }
        let route = #"{route="/v1/policies/{policyId}/coupons",status="201"}"#
        #expect(response.text.contains("http_requests_total\(route) "))
        #expect(
          response.text.contains(
            #"http_request_duration_seconds_bucket{route="/v1/policies/{policyId}/coupons""#))
        #expect(response.text.contains("http_connections_open{"))
      }
    }

    @Test(arguments: TargetKind.all)
    func theContractIsServed(kind: TargetKind) async throws {
      try await against(kind) { target in
        let response = try await target.get("/openapi.yaml")
        #expect(response.status == 200)
        #expect(response.headers.first("content-type") == "application/yaml")
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let file = root.deletingLastPathComponent().appendingPathComponent("docs/openapi.yaml")
        #expect(Data(response.body) == (try Data(contentsOf: file)))
      }
    }
  }
}
