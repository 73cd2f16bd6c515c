import CouponEDA
import Foundation

exit(EDA.run(Array(CommandLine.arguments.dropFirst())))
