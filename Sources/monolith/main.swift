import CouponAPI
import Foundation

let code = Program.run(
  "monolith", summary: "first-come-first-served coupons over a locked row",
  settings: MonolithSettings.self, arguments: Array(CommandLine.arguments.dropFirst())
) { settings, context in
  try Monolith(settings, context).application()
}
exit(code)
