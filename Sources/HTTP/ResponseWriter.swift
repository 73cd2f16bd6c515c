internal import Text

/// How the answer to a request differs from the handler's response.
struct AnswerShape {
  /// For HEAD: the body's length is sent, the body is not.
  var withoutBody = false
  var closes = false
}

/// Writes answers as HTTP/1.1.
enum ResponseWriter {
  static let `continue`: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"

  /// JSON that `write` writes; at most `capacity` bytes.
  static func write(
    json write: (inout TextBuffer) -> Void, capacity: Int, status: Int, _ shape: AnswerShape, date: [UInt8],
    to output: ByteQueue
  ) {
    // Its length stands before it.
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: capacity) { memory in
      var body = TextBuffer(memory)
      write(&body)
      output.reserve(256 + body.count)
      begin(status, date, to: output)
      output.append("Content-Type: application/json\r\nContent-Length: ")
      output.append(decimal: body.count)
      output.append(shape.closes ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n")
      if !shape.withoutBody {
        output.append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[..<body.count]))
      }
    }
  }

  private static func begin(_ status: Int, _ date: [UInt8], to output: ByteQueue) {
    if let line = HTTPStatus.line(status) {
      output.append(line)
    } else {
      output.append("HTTP/1.1 ")
      output.append(decimal: status)
      output.append(ByteScan.space)
      output.append(HTTPStatus.phrase(status))
      output.append("\r\n")
    }
    output.append(date)
  }

  static func write(_ response: HTTPResponse, _ shape: AnswerShape, date: [UInt8], to output: ByteQueue) {
    output.reserve(256 + response.body.count)
    begin(response.status, date, to: output)
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
