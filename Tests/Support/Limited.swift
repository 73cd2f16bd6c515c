package import Testing

extension Trait where Self == TimeLimitTrait {
  /// A test that takes longer than this waits for what does not come: it fails, and the others go on.
  package static var limited: Self { .timeLimit(.minutes(5)) }
}
