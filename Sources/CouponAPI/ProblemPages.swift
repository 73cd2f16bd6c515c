import CContract
import HTTP

/// The pages that a problem's `type` refers to: `docs/problems/`, embedded in the program.
enum ProblemPages {
  static let contentType = "text/markdown; charset=utf-8"

  static func answer(_ code: String?) -> HTTPResponse {
    guard let page = code.flatMap(page) else { return Problem.notFound }
    return HTTPResponse(status: 200, contentType: contentType, body: page)
  }

  private static func page(_ code: String) -> [UInt8]? {
    contract_problem(code).map { $0.pointee.content }
  }
}

extension embedded_page {
  var content: [UInt8] { Array(UnsafeBufferPointer(start: bytes, count: size)) }
}
