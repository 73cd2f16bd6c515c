/// How the answer to a request differs from the handler's response.
struct AnswerShape {
  /// For HEAD: the body's length is sent, the body is not.
  var withoutBody = false
  var closes = false
}

/// Writes answers as HTTP/1.1.
enum ResponseWriter {
  static let `continue`: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"

  static func write(_ response: HTTPResponse, _ shape: AnswerShape, date: [UInt8], to output: ByteQueue) {
    output.reserve(256 + response.body.count)
    output.append("HTTP/1.1 ")
    output.append(decimal: response.status)
    output.append(ByteScan.space)
    output.append(HTTPStatus.phrase(response.status))
    output.append("\r\n")
    output.append(date)
    if let type = response.contentType {
      output.append("Content-Type: ")
      output.appendLineText(type)
      output.append("\r\n")
    }
    let hasBody = response.status >= 200 && response.status != 204 && response.status != 304
    if hasBody {
      output.append("Content-Length: ")
      output.append(decimal: response.body.count)
      output.append("\r\n")
    }
    for (name, value) in response.headers {
      output.appendLineText(name)
      output.append(": ")
      output.appendLineText(value)
      output.append("\r\n")
    }
    if shape.closes { output.append("Connection: close\r\n") }
    output.append("\r\n")
    if hasBody, !shape.withoutBody { output.append(response.body) }
  }
}
