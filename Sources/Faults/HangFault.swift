/// The server keeps its connections and answers nothing: a caller waits until its deadline.
package struct HangFault: Fault {
  package init() {}
  package func effect() -> FaultEffect { .hang }
}
