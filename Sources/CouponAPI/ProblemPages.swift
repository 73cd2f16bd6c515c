import Contract
import HTTP

/// The pages that a problem's `type` refers to: `docs/problems/`, embedded in the program.
enum ProblemPages {
  static let contentType = "text/markdown; charset=utf-8"

  static func answer(_ code: String?) -> HTTPResponse {
    guard let page = code.flatMap(Contract.problemPage) else { return Problem.notFound }
    return HTTPResponse(status: 200, contentType: contentType, body: page)
  }
}
