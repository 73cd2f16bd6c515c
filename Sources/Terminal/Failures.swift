/// A command line that cannot be understood: exit code 2.
package struct UsageError: Error, Hashable, Sendable, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}

/// Something that could not be done, in one line without secrets: exit code 1.
package struct LabFailure: Error, Hashable, Sendable, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
