import CouponMonolith
import Foundation

exit(Monolith.run(Array(CommandLine.arguments.dropFirst())))
