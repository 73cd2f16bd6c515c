#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

enum WakeupWriter {
  static func write(to descriptor: Int32) {
    var byte: UInt8 = 1
    #if canImport(Glibc)
      _ = Glibc.write(descriptor, &byte, 1)
    #else
      _ = Darwin.write(descriptor, &byte, 1)
    #endif
  }
}
