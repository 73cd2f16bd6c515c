internal import Clibpq

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The variables from which libpq takes what a URL does not say (`PGSSLMODE`, `PGSERVICE`, `PGDATESTYLE` …).
///
/// `DATABASE_URL` says everything: a variable that was meant for `psql` changes neither the login nor the forms of the
/// answers. They are taken out of this process' environment before its first connection, because libpq has no other way
/// to ignore them.
package enum LibraryEnvironment {
  /// The names that were set and are ignored, in order.
  package static let ignored: [String] = remove()

  /// Those that libpq reads without declaring them.
  private static let undeclared = ["PGDATESTYLE", "PGTZ", "PGGEQO", "PGSERVICEFILE", "PGSYSCONFDIR"]

  /// Removes each variable that is set.
  ///
  /// - Returns: their names.
  package static func remove() -> [String] {
    var names = Set(undeclared)
    // Of an empty string: every keyword, with its variable, and no value from anywhere.
    let options = PQconninfoParse("", nil)
    defer { PQconninfoFree(options) }
    if var option = options {
      while option.pointee.keyword != nil {
        if let variable = option.pointee.envvar { names.insert(String(cString: variable)) }
        option += 1
      }
    }
    let found = names.filter { getenv($0) != nil }.sorted()
    for name in found { unsetenv(name) }
    return found
  }
}
